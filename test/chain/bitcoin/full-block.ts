import type { BitcoinTask } from "../../../ingest/bitcoin/prover.ts";
import type { BlockHash } from "../../../stream/block.ts";
import { loadBodies } from "./bodies.ts";
import { compactSize, hidden, sha256d, shown } from "./bytes.ts";
import { coinbaseOf, mine, pressBodies, REGTEST_BITS } from "./mint.ts";

/** What a block may have (Bitcoin Core, `consensus/consensus.h`), and room for header and coinbase. */
const MAX_BLOCK_BYTES = 4_000_000;
const OVERHEAD_BYTES = 2_000;
const HEIGHT = 500;
const PARENT = "ab".repeat(32) as BlockHash;
const TIME = 1_767_225_600;

/** A regtest block into which nothing more goes. */
export interface FullBlock {
  /** The block's size in bytes. */
  readonly size: number;
  /** With the coinbase. */
  readonly transactions: number;
  /** An answer of a node to be read and proven; a copy, since it moves to its thread. */
  task(): BitcoinTask;
}

/** The project's bodies again and again, until the block is full. */
export function fullBlock(): FullBlock {
  const bodies = loadBodies(() => true);
  const all = bodies.flatMap(({ transactions }) => transactions);
  const transactions: typeof all = [];
  let size = OVERHEAD_BYTES;
  for (let index = 0; ; index += 1) {
    const tx = all[index % all.length]!;
    size += tx.bytes.length;
    if (size > MAX_BLOCK_BYTES) break;
    transactions.push(tx);
  }
  const body = pressBodies([{ ...bodies[0]!, transactions }]);
  const coinbase = coinbaseOf(body, { height: HEIGHT, branch: "a", extraSat: 0n });
  const header = mine(body, { parent: hidden(PARENT), time: TIME, bits: REGTEST_BITS, txid: coinbase.txid });
  const count = compactSize(transactions.length + 1);
  const block = Buffer.concat([header, count, coinbase.bytes, body.bytes]);
  const expected = { height: HEIGHT, hash: shown(sha256d(header)) as BlockHash, parent: PARENT, time: TIME };
  const task = (): BitcoinTask => {
    const answer = { form: "rest", block: bufferOf(block), spent: bufferOf(body.spent) } as const;
    return { answer, expected, network: "regtest", history: undefined, waive: [] };
  };
  return { size: block.length, transactions: transactions.length + 1, task };
}

function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
