import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { decodeRawBlock } from "../../../stream/bitcoin/parse.ts";
import { type BodyFacts, bodiesFolder } from "./bodies.ts";
import { readRealBlock, realNames } from "./real.ts";

/**
 * Makes the bodies from a folder of main-net data (`index.csv`, `raw/`, `blocks/`):
 * `node dist/test/chain/bitcoin/make-bodies.js <folder>`. The tests prove what it wrote.
 */

/** From pay-to-pubkey on: many inputs, bare multisig, a full block of 2012, up to witnesses and taproot. */
const HEIGHTS = [
  ...[24835, 57043, 91880, 116928, 150013, 200000, 210000, 255018, 277647, 279671],
  ...[300025, 361582, 403200, 478558, 757739, 757753],
];

main(process.argv[2]);

function main(folder: string | undefined): void {
  if (folder === undefined) throw new RangeError("name the folder of the data: index.csv, raw/ and blocks/");
  mkdirSync(bodiesFolder(), { recursive: true });
  const names = realNames(folder).filter(({ network }) => network === "mainnet");
  const facts = HEIGHTS.map((height) => {
    const name = names.find((row) => row.name.startsWith(`${height}_`));
    if (name === undefined) throw new RangeError(`the index has no block ${height}`);
    return write(folder, name);
  });
  writeFileSync(join(bodiesFolder(), "index.json"), `${JSON.stringify(facts, null, 2)}\n`);
}

function write(folder: string, name: { name: string; network: string; source: string }): BodyFacts {
  const real = readRealBlock(folder, name);
  if (real.spent === undefined) throw new RangeError(`the data lack spent outputs of ${name.name}`);
  const value = Buffer.concat([real.bytes, real.spent]);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 };
  writeFileSync(join(bodiesFolder(), `${real.header.height}.br`), brotliCompressSync(value, { params }));
  const { transactions } = decodeRawBlock(value).block;
  return {
    height: real.header.height,
    hash: real.header.hash,
    time: real.header.time,
    transactions: transactions.length,
    inputs: transactions.slice(1).reduce((sum, tx) => sum + tx.inputCount, 0),
    witness: transactions.some((tx) => tx.hasWitness),
    source: real.source,
  };
}
