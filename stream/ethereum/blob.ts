/** The record header in which ingest hands down the update fraction of a chain that is not main-net (decimal text). */
export const BLOB_FRACTION_HEADER = "blob-fraction";

/** Gas of one blob (EIP-4844, GAS_PER_BLOB). */
export const GAS_PER_BLOB = 131_072n;

/** The least price of a blob's gas, in wei (EIP-4844, MIN_BASE_FEE_PER_BLOB_GAS). */
const MIN_BASE_FEE_PER_BLOB_GAS = 1n;

/** Main-net's BLOB_BASE_FEE_UPDATE_FRACTION from each fork's time on, newest first. Osaka kept Prague's. */
const MAINNET_FRACTIONS: readonly { readonly from: number; readonly fraction: bigint }[] = [
  { from: 1_767_747_671, fraction: 11_684_671n }, // BPO2, 7 January 2026 (EIP-7892, EIP-8135)
  { from: 1_765_290_071, fraction: 8_346_193n }, // BPO1, 9 December 2025 (EIP-7892, EIP-8134)
  { from: 1_746_612_311, fraction: 5_007_716n }, // Prague, 7 May 2025 (EIP-7691)
  { from: 1_710_338_135, fraction: 3_338_477n }, // Cancun, 13 March 2024 (EIP-4844)
];

/** Main-net's blob base fee update fraction at a block's time (Unix seconds); undefined before Cancun. */
export function mainnetBlobFraction(time: number): bigint | undefined {
  return MAINNET_FRACTIONS.find((fork) => fork.from <= time)?.fraction;
}

/** The price of blob gas in wei: `fake_exponential(1, excess, fraction)` of EIP-4844, which EIP-7691, 7892 and 7918 left as it is. */
export function blobBaseFee(excessBlobGas: bigint, fraction: bigint): bigint {
  let sum = 0n;
  let term = MIN_BASE_FEE_PER_BLOB_GAS * fraction;
  for (let index = 1n; term > 0n; index += 1n) {
    sum += term;
    term = (term * excessBlobGas) / (fraction * index);
  }
  return sum / fraction;
}
