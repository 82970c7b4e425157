import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";
import { decodeRlp, type RlpItem } from "../../stream/ethereum/rlp.ts";
import {
  type Frame,
  type Header,
  type Receipt,
  receiptOf,
  type Transaction,
  transactionOf,
} from "./content.ts";
import { toHex, toInteger } from "./hex.ts";
import { bytesOf, listOf } from "./rlp-view.ts";

/** A row of `bodies/index.json`: which real main-net block a body is, and where it was taken from. */
export interface BodyFacts {
  readonly height: number;
  readonly hash: string;
  /** Unix seconds. */
  readonly time: number;
  readonly transactions: number;
  readonly types: readonly number[];
  readonly traces: boolean;
  /** Whether the source has the withdrawals that the header commits to. */
  readonly withdrawals: boolean;
  readonly source: string;
}

/** A real block: everything in it but its place in a chain can be served again under another header. */
export interface Body {
  readonly facts: BodyFacts;
  readonly header: Header;
  readonly transactions: readonly Transaction[];
  readonly ommers: readonly RlpItem[];
  /** Undefined before Shanghai; empty where the source has none. */
  readonly withdrawals: readonly RlpItem[] | undefined;
  readonly receipts: readonly Receipt[];
  readonly traces: readonly Frame[] | undefined;
}

const loaded = new Map<number, Body>();

/** The facts of all bodies of the project, by height. */
export function bodyFacts(): readonly BodyFacts[] {
  return JSON.parse(readFileSync(join(bodiesFolder(), "index.json"), "utf8")) as BodyFacts[];
}

/** The bodies whose facts are wanted; each is read once. */
export function loadBodies(wanted: (facts: BodyFacts) => boolean): readonly Body[] {
  return bodyFacts().filter(wanted).map(loadBody);
}

/** A body from its file's bytes, unpacked: RLP of `[block, receipts, senders, traces]`. */
function bodyOf(facts: BodyFacts, unpacked: Uint8Array): Body {
  const [block, receipts, senders, traces] = listOf(decodeRlp(unpacked));
  const [header, transactions, ommers, withdrawals] = listOf(block);
  const senderAt = (index: number) => toHex(bytesOf(senders).subarray(index * 20, index * 20 + 20));
  return {
    facts,
    header: listOf(header).map(bytesOf),
    transactions: listOf(transactions).map((item, index) => transactionOf(item, senderAt(index))),
    ommers: listOf(ommers),
    withdrawals: withdrawals === undefined ? undefined : listOf(withdrawals),
    receipts: listOf(receipts).map(receiptOf),
    traces: traces === undefined ? undefined : listOf(traces).map(frameOf),
  };
}

/** A frame as a body's file holds it. */
export function frameItem(frame: Frame): RlpItem {
  const value = frame.value === 0n ? "" : frame.value.toString(16);
  return [
    Buffer.from(frame.type),
    Buffer.from(frame.from.slice(2), "hex"),
    Buffer.from(frame.to.slice(2), "hex"),
    Buffer.from(value.length % 2 === 0 ? value : `0${value}`, "hex"),
    Buffer.from(frame.error),
    frame.calls.map(frameItem),
  ];
}

function frameOf(item: RlpItem): Frame {
  const [type, from, to, value, error, calls] = listOf(item);
  return {
    type: Buffer.from(bytesOf(type)).toString(),
    from: toHex(bytesOf(from)),
    to: toHex(bytesOf(to)),
    value: toInteger(bytesOf(value)),
    error: Buffer.from(bytesOf(error)).toString(),
    calls: listOf(calls).map(frameOf),
  };
}

function loadBody(facts: BodyFacts): Body {
  const known = loaded.get(facts.height);
  if (known !== undefined) return known;
  const body = bodyOf(facts, brotliDecompressSync(readFileSync(join(bodiesFolder(), `${facts.height}.br`))));
  loaded.set(facts.height, body);
  return body;
}

/** The folder of the bodies, from source and from `dist` alike. */
export function bodiesFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return join(folder, "test/chain/bodies");
}
