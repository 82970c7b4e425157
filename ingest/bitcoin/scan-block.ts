import { encodeHeader } from "./header.ts";
import {
  isListNext,
  isObjectNext,
  items,
  type JsonCursor,
  members,
  namesOf,
  readValue,
  type Span,
  skip,
} from "./json-scan.ts";
import type { BitcoinProof } from "./prover.ts";
import { ProofRefused } from "./refuse.ts";

/** An output that a transaction spends: where amount and script stand; undefined where they are not told. */
export interface ScannedOutput {
  readonly value: Span | undefined;
  readonly script: Span | undefined;
}

/** A transaction in the answer to `getblock <hash> 3`: where its hex stands, and what it spends. */
export interface ScannedTx {
  readonly hex: Span;
  readonly spent: readonly ScannedOutput[];
  /** The first input that does not say what it spends; undefined where each one does. */
  readonly untoldAt: number | undefined;
}

/** What is needed of an answer to `getblock <hash> 3`. */
export interface ScannedBlock {
  /** The 80 bytes. */
  readonly header: Uint8Array;
  /** Negative off the node's chain. */
  readonly confirmations: number;
  readonly transactions: readonly ScannedTx[];
}

/** More transactions and inputs than 4,000,000 weight units have room for, at 240 and 164 each (BIP 141): a lie is not read further. */
const MOST_PARTS = 50_000;

/** How many parts of a block may still come. */
interface Room {
  parts: number;
}

const BLOCK = namesOf(
  "confirmations",
  "version",
  "previousblockhash",
  "merkleroot",
  "time",
  "bits",
  "nonce",
  "tx",
);
const TX = namesOf("hex", "vin");
const INPUT = namesOf("coinbase", "prevout");
const PREVOUT = namesOf("value", "scriptPubKey");
const SCRIPT = namesOf("hex");

/** Reads the block that comes next. Throws `JsonMalformed`, and `ProofRefused` where a part is missing or of another form. */
export function scanBlock(cursor: JsonCursor): ScannedBlock {
  const fields: Record<string, unknown> = {};
  const room = { parts: MOST_PARTS };
  let transactions: readonly ScannedTx[] | undefined;
  members(cursor, BLOCK, (name) => {
    if (name === "tx")
      transactions = scanList(cursor, room, ["merkle", "tx"], (index) => scanTx(cursor, room, index));
    else fields[name] = readValue(cursor);
  });
  const header = encodeHeader(fields);
  if (header === undefined) throw new ProofRefused("header", "a field of it is missing or out of range");
  if (transactions === undefined) throw new ProofRefused("merkle", "tx is missing");
  return { header, confirmations: Number(fields["confirmations"] ?? 0), transactions };
}

function scanTx(cursor: JsonCursor, room: Room, index: number): ScannedTx {
  let hex: Span | undefined;
  let inputs: readonly (ScannedOutput | "coinbase" | "untold")[] | undefined;
  demandObject(cursor, "merkle", `tx ${index}`);
  members(cursor, TX, (name) => {
    if (name === "hex") hex = skip(cursor);
    else
      inputs = scanList(cursor, room, ["spent", `vin of tx ${index}`], (input) => scanInput(cursor, input));
  });
  if (hex === undefined) throw new ProofRefused("merkle", `tx ${index} has no hex`);
  if (inputs === undefined) throw new ProofRefused("spent", `tx ${index} has no vin`);
  const spent = inputs.filter((input) => typeof input !== "string");
  const untoldAt = inputs.indexOf("untold");
  return { hex, spent, untoldAt: untoldAt === -1 ? undefined : untoldAt };
}

function scanInput(cursor: JsonCursor, index: number): ScannedOutput | "coinbase" | "untold" {
  let found: ScannedOutput | "coinbase" | "untold" = "untold";
  demandObject(cursor, "spent", `input ${index}`);
  members(cursor, INPUT, (name) => {
    if (name === "prevout" && isObjectNext(cursor)) found = scanOutput(cursor);
    else {
      skip(cursor);
      if (name === "coinbase") found = "coinbase";
    }
  });
  return found;
}

function scanOutput(cursor: JsonCursor): ScannedOutput {
  let value: Span | undefined;
  let script: Span | undefined;
  members(cursor, PREVOUT, (name) => {
    if (name === "value") value = skip(cursor);
    else if (isObjectNext(cursor)) members(cursor, SCRIPT, () => (script = skip(cursor)));
    else skip(cursor);
  });
  return { value, script };
}

function scanList<T>(
  cursor: JsonCursor,
  room: Room,
  [proof, what]: readonly [BitcoinProof, string],
  scan: (index: number) => T,
): readonly T[] {
  if (!isListNext(cursor)) throw new ProofRefused(proof, `${what} is no list`);
  const found: T[] = [];
  items(cursor, (index) => {
    room.parts -= 1;
    if (room.parts < 0) throw new ProofRefused(proof, "it has more parts than a block has room for");
    found.push(scan(index));
  });
  return found;
}

function demandObject(cursor: JsonCursor, proof: BitcoinProof, what: string): void {
  if (!isObjectNext(cursor)) throw new ProofRefused(proof, `${what} is no object`);
}
