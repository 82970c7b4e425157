import { keccak256 } from "../../../ingest/ethereum/keccak.ts";
import { encodeRlp } from "../../../stream/ethereum/rlp.ts";
import {
  address,
  bytes,
  envelope,
  hex,
  type Json,
  number,
  quantity,
  type Signed,
  word,
} from "./synthetic.ts";

/** Which transaction of a synthetic block fails. */
export const FAILING = 3;

/** A log's consensus fields. */
export interface Log {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
}

/** A receipt's logs, and the bloom that it claims for them. */
export interface Logged {
  readonly logs: readonly Log[];
  readonly bloom: Uint8Array;
}

/** As many logs as the index says, each with as many topics as its place says. */
export function logsOf(index: number): readonly Log[] {
  return Array.from({ length: index }, (_, at) => ({
    address: address(0x40 + index),
    topics: Array.from({ length: at }, (_unused, topic) => word(0x60 + topic)),
    data: `0x${"1f".repeat(at * 20)}`,
  }));
}

/** The bloom over logs. */
export function bloomOf(logs: readonly Log[]): Uint8Array {
  let bloom = 0n;
  for (const entry of logs.flatMap((log) => [log.address, ...log.topics])) {
    const hash = keccak256(bytes(entry));
    for (const at of [0, 2, 4]) bloom |= 1n << BigInt((hash[at]! * 256 + hash[at + 1]!) % 2048);
  }
  return bytes(`0x${bloom.toString(16).padStart(512, "0")}`);
}

/** A receipt's bytes as its trie holds them; without `status` it has a state root. */
export function receiptOf(one: Signed, index: number, logged: Logged, status: boolean): Uint8Array {
  const outcome = status ? number(index === FAILING ? "0x0" : "0x1") : bytes(word(index + 1));
  const items = logged.logs.map((log) => [bytes(log.address), log.topics.map(bytes), bytes(log.data)]);
  return envelope(Number(one.json.type), [
    outcome,
    number(quantity(21_000 * (index + 1))),
    logged.bloom,
    items,
  ]);
}

/** The JSON of a block's receipts, where `chain.since` says whether they have a status. */
export function receiptsJson(
  transactions: readonly Signed[],
  logged: readonly Logged[],
  chain: { place: Json; since: boolean },
): Json {
  let logIndex = 0;
  return transactions.map((one, index) => {
    const place = { ...chain.place, transactionHash: one.json.hash, transactionIndex: quantity(index) };
    const own = logged[index]!;
    return {
      ...place,
      type: one.json.type,
      ...(chain.since ? { status: index === FAILING ? "0x0" : "0x1" } : { root: word(index + 1) }),
      cumulativeGasUsed: quantity(21_000 * (index + 1)),
      gasUsed: "0x5208",
      logsBloom: hex(own.bloom),
      logs: own.logs.map((log) => ({ ...log, ...place, logIndex: quantity(logIndex++), removed: false })),
    };
  });
}

/** Inside each transaction one call that moves its index in wei, and a delegate call that moves nothing. */
export function traceOf(one: Signed, index: number): Json {
  const create = one.json.to === null;
  const to = create
    ? hex(keccak256(encodeRlp([bytes(one.json.from), number(one.json.nonce)])).subarray(12))
    : one.json.to;
  const inner = { type: "CALL", from: to, to: address(0x99), value: quantity(index), input: "0x" };
  const still = { type: "DELEGATECALL", from: to, to: address(0x98), value: "0x63", input: "0x" };
  const root = {
    type: create ? "CREATE" : "CALL",
    from: one.json.from,
    to,
    value: one.json.value,
    input: one.json.input,
  };
  const error = index === FAILING ? { error: "execution reverted" } : {};
  return { txHash: one.json.hash, result: { ...root, ...error, calls: [inner, still] } };
}
