import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { encodeBlock } from "../../ingest/ethereum/encode-block.ts";
import { encodeReceipts } from "../../ingest/ethereum/encode-receipt.ts";
import { decodeRlp, encodeRlp, type RlpItem } from "../../stream/ethereum/rlp.ts";
import { type BodyFacts, bodiesFolder, frameItem } from "./bodies.ts";
import type { Frame } from "./content.ts";
import type { GethFrame } from "./firehose.ts";
import { fromHex } from "./hex.ts";
import { type RealJson, readReal } from "./real.ts";

/**
 * Makes the bodies from a folder of main-net data (`index.csv`, `blocks/`):
 * `node dist/test/chain/make-bodies.js <folder>`. The tests prove what it wrote.
 */

/** Before Byzantium (receipts with a state root), with ommers, before London; then all forms of the years since, up to blobs. */
const HEIGHTS = [
  ...[1000000, 4369999, 4370006, 4404763, 7280016, 8000000, 11098450, 12505500],
  ...[14764013, 15753009, 16899757, 17034870, 17034873, 17053184, 17062257, 17300000],
  ...[
    17686110, 17686111, 17686112, 17686113, 17686114, 17686115, 17686116, 17686117, 17686118, 17686119,
    17686120,
  ],
  ...[18000000, 19426587, 19529493, 19529499, 22162263, 22431083, 22431084],
];

main(process.argv[2]);

function main(folder: string | undefined): void {
  if (folder === undefined) throw new RangeError("name the folder of the data: index.csv and blocks/");
  const sources = sourcesOf(readFileSync(join(folder, "index.csv"), "utf8"));
  mkdirSync(bodiesFolder(), { recursive: true });
  const facts = HEIGHTS.map((height) => {
    const json = readReal(folder, height);
    writeFileSync(join(bodiesFolder(), `${height}.br`), packed(bodyBytes(json)));
    return factsOf(json, sources.get(height) ?? "unknown");
  });
  writeFileSync(join(bodiesFolder(), "index.json"), `${JSON.stringify(facts, null, 2)}\n`);
}

function bodyBytes({ block, receipts, uncles, traces }: RealJson): Uint8Array {
  const transactions = block["transactions"] as readonly { readonly from: string }[];
  const items: RlpItem[] = [
    decodeRlp(encodeBlock(block, { ommers: uncles, withdrawalsMayMiss: true })),
    encodeReceipts(receipts).map((receipt) => ((receipt[0] ?? 0) < 0xc0 ? receipt : decodeRlp(receipt))),
    Buffer.concat(transactions.map((tx) => fromHex(tx.from))),
  ];
  if (traces !== undefined) items.push(traces.map((trace) => frameItem(frameOf(trace))));
  return encodeRlp(items);
}

function frameOf(frame: GethFrame): Frame {
  return {
    type: frame.type,
    from: frame.from,
    to: frame.to ?? "0x",
    value: BigInt(frame.value ?? "0x0"),
    error: frame.error ?? "",
    calls: (frame.calls ?? []).map(frameOf),
  };
}

function packed(bytes: Uint8Array): Uint8Array {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22 };
  return brotliCompressSync(bytes, { params });
}

function factsOf({ block, traces }: RealJson, source: string): BodyFacts {
  const transactions = block["transactions"] as readonly { readonly type?: string }[];
  return {
    height: Number(block["number"]),
    hash: String(block["hash"]),
    time: Number(block["timestamp"]),
    transactions: transactions.length,
    types: [...new Set(transactions.map((tx) => Number(tx.type ?? 0)))].sort(),
    traces: traces !== undefined,
    withdrawals: block["withdrawals"] !== undefined,
    source,
  };
}

/** The source of each block: the last column of the index. */
function sourcesOf(csv: string): ReadonlyMap<number, string> {
  const rows = csv.trim().split(/\r?\n/).slice(1);
  return new Map(rows.map((row) => [Number(row.split(",", 1)[0]), row.split(",").at(-1) ?? ""]));
}
