import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync } from "node:zlib";
import type { RawBlock } from "../../../stream/bitcoin/block.ts";
import { withoutWitness, withWitness } from "../../../stream/bitcoin/block.ts";
import { decodeRawBlock, outputsOf } from "../../../stream/bitcoin/parse.ts";
import { type Output, sha256d } from "./bytes.ts";

/** A row of `bodies/index.json`: which real main-net block a body is, and where it was taken from. */
export interface BodyFacts {
  readonly height: number;
  readonly hash: string;
  /** Unix seconds. */
  readonly time: number;
  readonly transactions: number;
  readonly inputs: number;
  readonly witness: boolean;
  readonly source: string;
}

/** A real transaction with what it spends. */
export interface BodyTx {
  readonly bytes: Uint8Array;
  /** In the order of the bytes. */
  readonly txid: Uint8Array;
  readonly wtxid: Uint8Array;
  readonly hasWitness: boolean;
  readonly spent: readonly Output[];
  readonly feeSat: bigint;
}

/** A real block: all but its coinbase can be served again under another header. */
export interface Body {
  readonly facts: BodyFacts;
  /** All but the coinbase. */
  readonly transactions: readonly BodyTx[];
  /** To whom the real coinbase paid. */
  readonly paid: readonly Output[];
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

/** The raw value of a real block. */
export function rawOf(height: number): Buffer {
  return brotliDecompressSync(readFileSync(join(bodiesFolder(), `${height}.br`)));
}

function loadBody(facts: BodyFacts): Body {
  const known = loaded.get(facts.height);
  if (known !== undefined) return known;
  const body = bodyOf(facts, decodeRawBlock(rawOf(facts.height)));
  loaded.set(facts.height, body);
  return body;
}

function bodyOf(facts: BodyFacts, { block, spent }: RawBlock): Body {
  const outputOf = ({
    value,
    scriptAt,
    scriptEnd,
  }: {
    value: number;
    scriptAt: number;
    scriptEnd: number;
  }) => ({
    value: BigInt(value),
    script: block.bytes.subarray(scriptAt, scriptEnd),
  });
  const [coinbase, ...others] = block.transactions;
  const transactions = others.map((tx, index): BodyTx => {
    const entry = spent[index + 1];
    return {
      bytes: withWitness(block, tx),
      txid: sha256d(withoutWitness(block, tx)),
      wtxid: sha256d(withWitness(block, tx)),
      hasWitness: tx.hasWitness,
      spent: (entry === undefined ? [] : outputsOf(block, entry)).map(outputOf),
      feeSat: BigInt((entry?.total ?? 0) - tx.total),
    };
  });
  return {
    facts,
    transactions,
    paid: (coinbase === undefined ? [] : outputsOf(block, coinbase)).map(outputOf),
  };
}

/** The folder of the bodies, from source and from `dist` alike. */
export function bodiesFolder(): string {
  return join(projectFolder(), "test/chain/bitcoin/bodies");
}

/** The project's folder, from source and from `dist` alike. */
export function projectFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}
