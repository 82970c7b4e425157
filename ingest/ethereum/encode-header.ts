import { data, type Field, FieldInvalid, isAbsent, type JsonObject, putFields, quantity } from "./fields.ts";
import { closeList, openTape, type Tape, written } from "./tape.ts";

/** The header's fields since Frontier (yellow paper §4.4), in consensus order. */
const BASE: readonly Field[] = [
  data("parentHash", 32),
  data("sha3Uncles", 32),
  data("miner", 20),
  data("stateRoot", 32),
  data("transactionsRoot", 32),
  data("receiptsRoot", 32),
  data("logsBloom", 256),
  quantity("difficulty", 32),
  quantity("number", 8),
  quantity("gasLimit", 8),
  quantity("gasUsed", 8),
  quantity("timestamp", 8),
  data("extraData"),
  data("mixHash", 32),
  data("nonce", 8),
];

/** Fields that forks appended, in their order: EIP-1559, 4895, 4844 (two), 4788, 7685, 7928, 7843. */
const APPENDED: readonly Field[] = [
  quantity("baseFeePerGas", 32),
  data("withdrawalsRoot", 32),
  quantity("blobGasUsed", 8),
  quantity("excessBlobGas", 8),
  data("parentBeaconBlockRoot", 32),
  data("requestsHash", 32),
  data("blockAccessListHash", 32),
  quantity("slotNumber", 8),
];

/** What nodes print beside the header in a block's JSON. */
const BESIDE = ["hash", "size", "totalDifficulty", "transactions", "uncles", "withdrawals", "author"];

const KNOWN: ReadonlySet<string> = new Set([...BASE, ...APPENDED].map((field) => field.name).concat(BESIDE));

/** Writes a header from a block's JSON. Throws `FieldInvalid`. */
export function putHeader(tape: Tape, block: JsonObject): void {
  const mark = tape.used;
  putFields(tape, block, APPENDED.slice(0, appendedCount(block)));
  putFields(tape, block, BASE);
  closeList(tape, mark);
}

/** The consensus RLP of a header (a block's own or an ommer's) from its JSON. Throws `FieldInvalid`. */
export function encodeHeader(block: JsonObject): Uint8Array {
  const tape = openTape(1024);
  putHeader(tape, block);
  return written(tape, 0);
}

/** The JSON fields of a block that no fork up to Amsterdam has: they explain a hash that does not hold. */
export function unknownHeaderFields(block: JsonObject): readonly string[] {
  return Object.keys(block).filter((name) => !KNOWN.has(name));
}

/** How many appended fields the header has; one that is there needs all that came before it. */
function appendedCount(block: JsonObject): number {
  const count = APPENDED.findLastIndex((field) => !isAbsent(block[field.name])) + 1;
  for (const field of APPENDED.slice(0, count)) {
    if (isAbsent(block[field.name])) {
      throw new FieldInvalid(field.name, `is missing before ${APPENDED[count - 1]?.name}`);
    }
  }
  return count;
}
