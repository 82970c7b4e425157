import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { withWitness } from "../../../stream/bitcoin/block.ts";
import { parseBlock } from "../../../stream/bitcoin/parse.ts";
import type { BlockHash, BlockHeader } from "../../../stream/block.ts";
import { type Output, shown, spentBytes } from "./bytes.ts";

/** A real block of a folder of data: `index.csv`, `raw/`, `blocks/`. */
export interface RealBlock {
  readonly header: BlockHeader;
  readonly network: "mainnet" | "testnet3";
  readonly bytes: Buffer;
  /** Undefined where the data lack some. */
  readonly spent: Buffer | undefined;
  readonly source: string;
  /** The answer to `getblock <hash> 3`, as text; undefined where `spent` is. */
  rpcText(): string | undefined;
}

interface JsonOutput {
  readonly value: string;
  readonly scriptPubKey: { readonly hex: string };
}
interface JsonTx {
  hex?: string;
  readonly vin: readonly { readonly coinbase?: string; readonly prevout?: JsonOutput }[];
}

/** The rows of the index: file name, network and source of each block. */
export function realNames(folder: string): readonly { name: string; network: string; source: string }[] {
  const rows = readFileSync(join(folder, "index.csv"), "utf8").trim().split(/\r?\n/).slice(1);
  return rows.map((row) => {
    const [height = "", , hash = "", , network = ""] = row.split(",");
    return { name: `${height}_${hash.slice(-12)}`, network, source: row.split(",").at(-1) ?? "" };
  });
}

/** Reads a block by its name in the index, `<height>_<hash tail>`. */
export function readRealBlock(
  folder: string,
  { name, network, source }: { name: string; network: string; source: string },
): RealBlock {
  const bytes = gunzipSync(readFileSync(join(folder, `raw/${name}.raw.gz`)));
  const text = gunzipSync(readFileSync(join(folder, `blocks/${name}.json.gz`))).toString();
  const json = JSON.parse(text.replace(/"value"\s*:\s*([\d.eE+-]+)/g, '"value":"$1"')) as Record<
    string,
    unknown
  >;
  const header: BlockHeader = {
    height: Number(name.split("_")[0]),
    hash: json["hash"] as BlockHash,
    parent: shown(bytes.subarray(4, 36)) as BlockHash,
    time: bytes.readUInt32LE(68),
  };
  const spent = spentOf(json["tx"] as readonly JsonTx[]);
  const rpcText = () => (spent === undefined ? undefined : printed(json, bytes));
  return { header, network: network as RealBlock["network"], bytes, spent, source, rpcText };
}

function spentOf(transactions: readonly JsonTx[]): Buffer | undefined {
  const lists = transactions.map((tx) => tx.vin.filter((input) => input.coinbase === undefined));
  if (lists.flat().some((input) => input.prevout === undefined)) return undefined;
  return spentBytes(
    lists.map((inputs) =>
      inputs.flatMap(({ prevout }) => (prevout === undefined ? [] : [outputOf(prevout)])),
    ),
  );
}

function outputOf({ value, scriptPubKey }: JsonOutput): Output {
  // Exact up to 21 million BTC: half a satoshi is far above a double's error there.
  return { value: BigInt(Math.round(Number(value) * 1e8)), script: Buffer.from(scriptPubKey.hex, "hex") };
}

/** The data lack each transaction's `hex`, which a node prints; amounts with eight places, as a node prints them. */
function printed(json: Record<string, unknown>, bytes: Uint8Array): string {
  const block = parseBlock(bytes);
  const transactions = (json["tx"] as readonly JsonTx[]).map((tx, index) => {
    const parsed = block.transactions[index];
    return {
      ...tx,
      hex: parsed === undefined ? "" : Buffer.from(withWitness(block, parsed)).toString("hex"),
    };
  });
  const text = JSON.stringify({ ...json, confirmations: 1, tx: transactions });
  return text.replace(/"value":"([\d.eE+-]+)"/g, (_, value: string) => `"value":${Number(value).toFixed(8)}`);
}
