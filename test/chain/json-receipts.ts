import { encodeRlp } from "../../stream/ethereum/rlp.ts";
import { blobGasPrice, blobParametersAt } from "./blob-fee.ts";
import { type Content, type Frame, HEADER, type Labels, type Receipt, type Transaction } from "./content.ts";
import { fromHex, toHex, toInteger, toQuantity } from "./hex.ts";
import { baseFeeOf, effectiveGasPrice, namedFields } from "./json-block.ts";
import { keccak256 } from "./keccak.ts";
import { bytesOf, listOf } from "./rlp-view.ts";

/** EIP-4844. */
const GAS_PER_BLOB = 131072n;

/** A block's receipts as geth prints them. */
export function receiptsJson(content: Content, labels: Labels): readonly Record<string, unknown>[] {
  const blobPrice = blobPriceOf(content);
  const baseFee = baseFeeOf(content.header);
  let firstLog = 0;
  let gasBefore = 0n;
  return content.receipts.flatMap((receipt) => {
    const tx = content.transactions[receipt.txIndex];
    if (tx === undefined) return [];
    const gasUsed = toInteger(receipt.cumulativeGas) - gasBefore;
    gasBefore += gasUsed;
    const logs = logsJson(receipt, { ...labels, transactionHash: tx.hash, firstLog });
    firstLog += logs.length;
    return [
      {
        blockHash: labels.hash,
        blockNumber: labels.number,
        ...receiptFields(receipt, tx),
        gasUsed: toQuantity(gasUsed < 0n ? 0n : gasUsed),
        effectiveGasPrice: toQuantity(effectiveGasPrice(tx, baseFee)),
        logs,
        ...(tx.type === 3
          ? { blobGasUsed: toQuantity(blobGas(tx)), blobGasPrice: toQuantity(blobPrice) }
          : {}),
      },
    ];
  });
}

function receiptFields(receipt: Receipt, tx: Transaction): Record<string, unknown> {
  const to = bytesOf(namedFields(tx)["to"]);
  // Before Byzantium (EIP-658) a state root stands where the status is now.
  const outcome =
    receipt.outcome.length === 32
      ? { root: toHex(receipt.outcome) }
      : { status: toQuantity(toInteger(receipt.outcome)) };
  return {
    contractAddress: to.length === 0 ? createdAddress(tx) : null,
    cumulativeGasUsed: toQuantity(toInteger(receipt.cumulativeGas)),
    from: tx.sender,
    logsBloom: toHex(receipt.bloom),
    ...outcome,
    to: to.length === 0 ? null : toHex(to),
    transactionHash: tx.hash,
    transactionIndex: toQuantity(receipt.txIndex),
    type: toQuantity(receipt.type),
  };
}

function logsJson(
  receipt: Receipt,
  place: Labels & { readonly transactionHash: string; readonly firstLog: number },
): readonly Record<string, unknown>[] {
  return receipt.logs.map((log, index) => ({
    address: toHex(log.address),
    topics: log.topics.map(toHex),
    data: toHex(log.data),
    blockNumber: place.number,
    transactionHash: place.transactionHash,
    transactionIndex: toQuantity(receipt.txIndex),
    blockHash: place.hash,
    blockTimestamp: place.time,
    logIndex: toQuantity(place.firstLog + index),
    removed: false,
  }));
}

/** Yellow paper, section 7: the address that a sender's creation gets. */
function createdAddress(tx: Transaction): string {
  const nonce = bytesOf(namedFields(tx)["nonce"]);
  return toHex(keccak256(encodeRlp([fromHex(tx.sender), nonce])).subarray(12));
}

function blobGas(tx: Transaction): bigint {
  return GAS_PER_BLOB * BigInt(listOf(namedFields(tx)["blobVersionedHashes"]).length);
}

function blobPriceOf(content: Content): bigint {
  const excess = content.header[HEADER.excessBlobGas];
  if (excess === undefined) return 0n;
  const time = Number(toInteger(content.header[HEADER.timestamp] ?? new Uint8Array()));
  return blobGasPrice(toInteger(excess), blobParametersAt(time).baseFeeUpdateFraction);
}

/** A block's traces as geth's `callTracer` prints them; undefined where the node has none. */
export function tracesJson(content: Content): readonly Record<string, unknown>[] | undefined {
  return content.traces?.map((frame, index) => ({
    txHash: content.transactions[index]?.hash,
    result: frameJson(frame),
  }));
}

function frameJson(frame: Frame): Record<string, unknown> {
  // Gas, input and output are nobody's here: bodies keep of a frame what tells of value.
  return {
    from: frame.from,
    gas: "0x0",
    gasUsed: "0x0",
    to: frame.to,
    input: "0x",
    ...(frame.error === "" ? {} : { error: frame.error }),
    ...(frame.calls.length === 0 ? {} : { calls: frame.calls.map(frameJson) }),
    // A static call carries no value at all.
    ...(frame.type === "STATICCALL" ? {} : { value: toQuantity(frame.value) }),
    type: frame.type,
  };
}
