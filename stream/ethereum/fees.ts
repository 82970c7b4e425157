import type { Fee } from "../flow/leg.ts";
import { blobBaseFee, GAS_PER_BLOB } from "./blob.ts";
import type { EthereumBlock, EthereumReceipt, EthereumTransaction } from "./block.ts";
import type { Holders } from "./holders.ts";

/** A labelled sender paid for blobs on a chain whose blob price nobody told; ingest puts it into the record's headers. */
export class BlobFractionMissing extends Error {
  override readonly name = "BlobFractionMissing";
  readonly height: number;
  constructor(height: number) {
    super(
      `block ${height} has blobs and no blob-fraction header; give the chain a blobSchedule and ingest it again`,
    );
    this.height = height;
  }
}

/** Gas that each transaction used, in their order: cumulative gas less that of the transaction before. */
export function gasUsedOf(receipts: readonly EthereumReceipt[]): readonly bigint[] {
  let before = 0n;
  return receipts.map(({ cumulativeGasUsed }) => {
    const used = cumulativeGasUsed - before;
    before = cumulativeGasUsed;
    return used;
  });
}

/** What a transaction pays for a unit of gas, in wei (EIP-1559); before London there is no base fee and its gas price is both caps. */
export function effectiveGasPrice(transaction: EthereumTransaction, baseFee: bigint): bigint {
  const { maxFeePerGas, maxPriorityFeePerGas } = transaction;
  const offered = baseFee + maxPriorityFeePerGas;
  return offered < maxFeePerGas ? offered : maxFeePerGas;
}

/** What the fee recipient gets, in wei: all transactions' gas, failed ones' too, at the price above the base fee. */
export function priorityFees(block: EthereumBlock, gasUsed: readonly bigint[]): bigint {
  const baseFee = block.header.baseFeePerGas ?? 0n;
  return block.transactions.reduce(
    (sum, transaction, index) =>
      sum + (gasUsed[index] ?? 0n) * (effectiveGasPrice(transaction.read(), baseFee) - baseFee),
    0n,
  );
}

/**
 * What labelled senders paid, in wei, a row an exchange by name: gas used × effective price and blobs, failed transactions included.
 * `fraction` is the blob base fee's at this block. Throws `BlobFractionMissing` where it is needed and undefined.
 */
export function feesPaid(
  block: EthereumBlock,
  options: {
    readonly gasUsed: readonly bigint[];
    readonly holders: Holders;
    readonly asset: string;
    readonly fraction: bigint | undefined;
  },
): readonly Fee[] {
  const { gasUsed, holders, asset, fraction } = options;
  const baseFee = block.header.baseFeePerGas ?? 0n;
  const paid = new Map<string, bigint>();
  block.transactions.forEach((view, index) => {
    if (!holders.isMarked(block.bytes, view.senderAt)) return;
    const transaction = view.read();
    const exchange = holders.exchangeOf(transaction.sender);
    if (exchange === null) return;
    const gas = (gasUsed[index] ?? 0n) * effectiveGasPrice(transaction, baseFee);
    paid.set(exchange, (paid.get(exchange) ?? 0n) + gas + blobFee(block, transaction, fraction));
  });
  return [...paid]
    .filter(([, amount]) => amount > 0n)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([exchange, amount]) => ({ exchange, asset, amount }));
}

function blobFee(
  block: EthereumBlock,
  { blobCount }: EthereumTransaction,
  fraction: bigint | undefined,
): bigint {
  if (blobCount === 0) return 0n;
  const { excessBlobGas, height } = block.header;
  if (excessBlobGas === undefined || fraction === undefined) throw new BlobFractionMissing(height);
  return BigInt(blobCount) * GAS_PER_BLOB * blobBaseFee(excessBlobGas, fraction);
}
