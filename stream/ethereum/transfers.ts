import type { Address } from "../block.ts";
import type { EthereumBlock, EthereumLog } from "./block.ts";
import { addressOf, sameBytes } from "./bytes.ts";

/** A `Transfer` log, read; `amount` is the big-endian word as it stands in the log. */
export interface Transfer {
  readonly from: Address;
  readonly to: Address;
  readonly amount: Uint8Array;
}

/** keccak-256 of `Transfer(address,address,uint256)` (ERC-20; ERC-721 and EIP-7708 have the same). */
const TRANSFER_TOPIC = bytesFrom("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
/** The emitter of the logs of ETH movements (EIP-7708, SYSTEM_ADDRESS). */
const SYSTEM_ADDRESS = bytesFrom("fffffffffffffffffffffffffffffffffffffffe");
const WORD_BYTES = 32;
/** An address fills the low 20 bytes of its word. */
const ADDRESS_AT = 12;

/** Whether EIP-7708's logs stand for the block's ETH movements: from Amsterdam (a slot number in the header) on, or where one is there. */
export function hasEthLogs(block: EthereumBlock): boolean {
  if (block.header.slotNumber !== undefined) return true;
  return block.receipts.some((receipt) => receipt.logs.some(isEthLog));
}

/** Whether a log is the chain's own of an ETH movement, and no token's. */
export function isEthLog(log: EthereumLog): boolean {
  return sameBytes(log.address, SYSTEM_ADDRESS);
}

/** Whether a log is a `Transfer` that moved value: three topics and a word of data, or one topic and three words; four topics are ERC-721. */
export function isTransfer({ topics, data }: EthereumLog): boolean {
  const [topic] = topics;
  if (topic === undefined || !sameBytes(topic, TRANSFER_TOPIC)) return false;
  const words = topics.length === 3 ? 1 : topics.length === 1 ? 3 : undefined;
  return words !== undefined && data.length === words * WORD_BYTES;
}

/** Reads a log for which `isTransfer` holds. */
export function transferOf({ topics, data }: EthereumLog): Transfer {
  const [, from = wordAt(data, 0), to = wordAt(data, 1)] = topics;
  return {
    from: addressOf(from.subarray(ADDRESS_AT)),
    to: addressOf(to.subarray(ADDRESS_AT)),
    amount: data.subarray(data.length - WORD_BYTES),
  };
}

function wordAt(data: Uint8Array, index: number): Uint8Array {
  return data.subarray(index * WORD_BYTES, (index + 1) * WORD_BYTES);
}

function bytesFrom(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, index) =>
    Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16),
  );
}
