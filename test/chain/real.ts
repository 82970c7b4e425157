import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { BlockHash } from "../../stream/block.ts";
import { type FirehoseTraces, framesOfFirehose, type GethFrame } from "./firehose.ts";
import type { Part, ServedBlock } from "./served.ts";

/** The JSON of one real block as a folder of main-net data holds it. */
export interface RealJson {
  readonly block: Readonly<Record<string, unknown>>;
  readonly receipts: readonly Readonly<Record<string, unknown>>[];
  readonly uncles: readonly unknown[];
  /** One root frame a transaction, in the form of geth's `callTracer`; undefined where the folder has none. */
  readonly traces: readonly GethFrame[] | undefined;
}

/** Reads `<folder>/blocks/<height>.*.json.gz`. */
export function readReal(folder: string, height: number): RealJson {
  const read = (part: string) => readPart(folder, height, part);
  return {
    block: read("block") as RealJson["block"],
    receipts: (read("receipts") ?? []) as RealJson["receipts"],
    uncles: (read("uncles") ?? []) as readonly unknown[],
    traces: tracesOf(read("traces")),
  };
}

/** Real blocks in a row, unchanged, to be served as a chain: the tip. Only the form of the traces is changed to geth's. */
export function realChain(
  folder: string,
  range: { readonly first: number; readonly last: number },
): ServedBlock {
  let tip = realBlock(readReal(folder, range.first), undefined);
  for (let height = range.first + 1; height <= range.last; height += 1) {
    tip = realBlock(readReal(folder, height), tip);
  }
  return tip;
}

function realBlock(json: RealJson, before: ServedBlock | undefined): ServedBlock {
  const { block } = json;
  return {
    height: Number(block["number"]),
    hash: block["hash"] as BlockHash,
    parent: block["parentHash"] as BlockHash,
    time: Number(block["timestamp"]),
    before,
    answer: (part) => answer(json, part),
  };
}

function answer(json: RealJson, part: Part): Buffer | undefined {
  const value = partOf(json, part);
  return value === undefined ? undefined : Buffer.from(JSON.stringify(value));
}

/** Raw parts are not there: these blocks are what their source printed, and nothing of ours. */
function partOf(json: RealJson, part: Part): unknown {
  const transactions = json.block["transactions"] as readonly { readonly hash: string }[];
  switch (part) {
    case "full":
      return json.block;
    case "thin":
      return { ...json.block, transactions: transactions.map((tx) => tx.hash) };
    case "receipts":
      return json.receipts;
    case "traces":
      return json.traces?.map((result, index) => ({ txHash: transactions[index]?.hash, result }));
    case "ommers":
      return json.uncles;
    default:
      return undefined;
  }
}

function tracesOf(traces: unknown): readonly GethFrame[] | undefined {
  if (traces === undefined) return undefined;
  if (!Array.isArray(traces)) return framesOfFirehose(traces as FirehoseTraces);
  return traces.map((one: { readonly result?: GethFrame } & GethFrame) => one.result ?? one);
}

function readPart(folder: string, height: number, part: string): unknown {
  const path = join(folder, "blocks", `${height}.${part}.json.gz`);
  return existsSync(path) ? JSON.parse(gunzipSync(readFileSync(path)).toString()) : undefined;
}
