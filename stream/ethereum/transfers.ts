import { standsAt } from "../bytes.ts";
import type { EthereumBlock, EthereumLog } from "./block.ts";

/** Where the parts of a `Transfer` log stand: 20 bytes of an address, 32 of the amount. */
export interface Transfer {
  readonly fromAt: number;
  readonly toAt: number;
  readonly amountAt: number;
}

/** keccak-256 of `Transfer(address,address,uint256)` (ERC-20; ERC-721 and EIP-7708 have the same). */
const TRANSFER_TOPIC = bytesFrom("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");
/** The emitter of the logs of ETH movements (EIP-7708, SYSTEM_ADDRESS). */
const SYSTEM_ADDRESS = bytesFrom("fffffffffffffffffffffffffffffffffffffffe");
/** Also what the amount takes. */
export const WORD_BYTES = 32;
/** An address fills the low 20 bytes of its word. */
const ADDRESS_AT = 12;

/** Whether EIP-7708's logs stand for the block's ETH movements: from Amsterdam (a slot number in the header) on, or where one is there. */
export function hasEthLogs({ bytes, header, receipts }: EthereumBlock): boolean {
  if (header.slotNumber !== undefined) return true;
  return receipts.some((receipt) => receipt.logs.some((log) => isEthLog(bytes, log)));
}

/** Whether a log is the chain's own of an ETH movement, and no token's. */
export function isEthLog(bytes: Uint8Array, { emitterAt }: EthereumLog): boolean {
  return standsAt(bytes, emitterAt, SYSTEM_ADDRESS);
}

/** The parts of a log that is a `Transfer` that moved value: three topics and a word of data, or one topic and three words; four topics are ERC-721. */
export function transferOf(bytes: Uint8Array, log: EthereumLog): Transfer | undefined {
  const { topicCount, dataAt, dataBytes } = log;
  const words = topicCount === 3 ? 1 : topicCount === 1 ? 3 : undefined;
  if (words === undefined || dataBytes !== words * WORD_BYTES) return undefined;
  if (!standsAt(bytes, topicAt(log, 0), TRANSFER_TOPIC)) return undefined;
  const amountAt = dataAt + dataBytes - WORD_BYTES;
  return words === 1
    ? { fromAt: topicAt(log, 1) + ADDRESS_AT, toAt: topicAt(log, 2) + ADDRESS_AT, amountAt }
    : { fromAt: dataAt + ADDRESS_AT, toAt: dataAt + WORD_BYTES + ADDRESS_AT, amountAt };
}

/** Where a topic's word stands. */
export function topicAt({ topicsAt }: EthereumLog, index: number): number {
  return topicsAt + index * (1 + WORD_BYTES) + 1;
}

function bytesFrom(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, index) =>
    Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16),
  );
}
