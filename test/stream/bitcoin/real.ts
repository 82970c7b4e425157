import { existsSync, readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { fromHex } from "./hashes.ts";
import { counted, outputBytes } from "./story.ts";

/** Real main-net blocks; they lie beside the project, and tests that need them say so when they don't. */
const FOLDER = "../shared/data/bitcoin";

export const realBlocksAreThere = existsSync(FOLDER);

/** An output as Bitcoin Core prints it, but its value as text of satoshi. */
export interface PrintedOutput {
  readonly value: string;
  readonly scriptPubKey: { readonly hex: string; readonly type: string; readonly address?: string };
}

export interface PrintedTransaction {
  readonly txid: string;
  readonly hash: string;
  readonly vin: readonly { readonly coinbase?: string; readonly prevout?: PrintedOutput }[];
  readonly vout: readonly PrintedOutput[];
}

/** A block as `getblock <hash> 3` prints it. */
export interface PrintedBlock {
  readonly hash: string;
  readonly height: number;
  readonly previousblockhash?: string;
  readonly merkleroot: string;
  readonly version: number;
  readonly time: number;
  readonly nonce: number;
  readonly bits: string;
  readonly tx: readonly PrintedTransaction[];
}

export interface RealBlock {
  readonly bytes: Uint8Array;
  readonly printed: PrintedBlock;
  /** Whether every input's spent output is there. */
  readonly complete: boolean;
}

/** The names of all blocks in the data set: `<height>_<hash tail>`. */
export function realBlockNames(): readonly string[] {
  if (!realBlocksAreThere) return [];
  return readdirSync(`${FOLDER}/raw`).map((file) => file.replace(".raw.gz", ""));
}

/** The names of those blocks whose every spent output is in the data set. */
export function completeBlockNames(): readonly string[] {
  if (!realBlocksAreThere) return [];
  const rows = readFileSync(`${FOLDER}/index.csv`, "utf8").trim().split("\n").slice(1);
  const complete = new Set(
    rows
      .map((row) => row.split(","))
      .filter((row) => row[8] === "True")
      .map((row) => `${row[0]}_${row[2]?.slice(-12)}`),
  );
  return realBlockNames().filter((name) => complete.has(name));
}

/** A block of the data set. */
export function readRealBlock(name: string): RealBlock {
  const text = gunzipSync(readFileSync(`${FOLDER}/blocks/${name}.json.gz`)).toString("utf8");
  const printed = JSON.parse(text.replace(/"value": ?([\d.e+-]+)/g, '"value":"$1"')) as PrintedBlock;
  const inputs = printed.tx.flatMap((tx) => tx.vin);
  return {
    bytes: new Uint8Array(gunzipSync(readFileSync(`${FOLDER}/raw/${name}.raw.gz`))),
    printed,
    complete: inputs.every((input) => input.coinbase !== undefined || input.prevout !== undefined),
  };
}

/** Satoshi of an amount as Bitcoin Core prints it, with its decimal point. */
export function satoshi(printed: string): bigint {
  return BigInt(Math.round(Number(printed) * 1e8));
}

/** The spent outputs of a complete block, as `/rest/spenttxouts` encodes them. */
export function spentBytesOf({ tx }: PrintedBlock): Uint8Array {
  return counted(
    tx.map(({ vin }) =>
      counted(
        vin.flatMap(({ prevout }) =>
          prevout === undefined
            ? []
            : [
                outputBytes({
                  value: Number(satoshi(prevout.value)),
                  script: fromHex(prevout.scriptPubKey.hex),
                }),
              ],
        ),
      ),
    ),
  );
}
