/** Blob parameters since a fork (EIP-7840); `time` in Unix seconds. Main-net's forks as EIPs 4844, 7691, 7892 and geth's params/config.go have them. */
export interface BlobParameters {
  readonly time: number;
  readonly target: number;
  readonly max: number;
  readonly baseFeeUpdateFraction: bigint;
}

const FORKS: readonly [BlobParameters, ...BlobParameters[]] = [
  { time: 1710338135, target: 3, max: 6, baseFeeUpdateFraction: 3338477n },
  { time: 1746612311, target: 6, max: 9, baseFeeUpdateFraction: 5007716n },
  { time: 1765290071, target: 10, max: 15, baseFeeUpdateFraction: 8346193n },
  { time: 1767747671, target: 14, max: 21, baseFeeUpdateFraction: 11684671n },
];

/** Main-net's blob parameters at `time` (Unix seconds). */
export function blobParametersAt(time: number): BlobParameters {
  return FORKS.findLast((fork) => fork.time <= time) ?? FORKS[0];
}

/** Wei a blob gas: EIP-4844's `fake_exponential(1, excessBlobGas, fraction)`. */
export function blobGasPrice(excessBlobGas: bigint, fraction: bigint): bigint {
  let sum = 0n;
  let term = fraction;
  for (let step = 1n; term > 0n; step += 1n) {
    sum += term;
    term = (term * excessBlobGas) / (fraction * step);
  }
  return sum / fraction;
}
