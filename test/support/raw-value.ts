import { encodeBlock } from "../../ingest/ethereum/encode-block.ts";
import { encodeReceipts } from "../../ingest/ethereum/encode-receipt.ts";
import type { JsonObject } from "../../ingest/ethereum/fields.ts";
import type { ValueMove } from "../../stream/ethereum/block.ts";
import { decodeRlp, encodeRlp, type RlpItem, uintBytes } from "../../stream/ethereum/rlp.ts";
import type { FlatTrace, Json, RealBlock } from "./real-blocks.ts";

/** The bytes of hex text. */
export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.slice(2), "hex"));
}

/** The raw value of a real block (DESIGN §3), with traces where the data set has them. */
export function rawValueOf(real: RealBlock, ommers: readonly Json[] = []): Uint8Array {
  const block = decodeRlp(encodeBlock(real.block as JsonObject, { withdrawalsMayMiss: true, ommers }));
  const receipts = encodeReceipts(real.receipts).map(embedded);
  const senders = Buffer.concat(real.block.transactions.map((tx) => bytesOf(String(tx["from"]))));
  const traces = real.traces === undefined ? [] : [real.traces.map(flatTraceItem)];
  return encodeRlp([block, receipts, Uint8Array.from(senders), ...traces]);
}

/** A trace as a raw value holds it. */
export function traceItem(failed: boolean, moves: readonly ValueMove[]): RlpItem {
  const items = moves.map(({ type, from, to, value }) => [
    new TextEncoder().encode(type),
    bytesOf(from),
    bytesOf(to),
    uintBytes(value),
  ]);
  return [failed ? uintBytes(1) : new Uint8Array(0), items];
}

/** A legacy receipt is embedded as a list, a typed one as a byte string. */
function embedded(receipt: Uint8Array): RlpItem {
  return (receipt[0] ?? 0) >= 0xc0 ? decodeRlp(receipt) : receipt;
}

function flatTraceItem({ calls }: FlatTrace): RlpItem {
  const [root, ...inner] = calls;
  const moved = inner.filter((call) => !call.stateReverted && /^(CALL|CREATE2?)$/.test(call.type));
  const moves = moved.map(
    ({ type, from, to, value }) => ({ type, from, to, value: BigInt(value) }) as ValueMove,
  );
  return traceItem(
    root?.failed ?? false,
    moves.filter((move) => move.value > 0n),
  );
}
