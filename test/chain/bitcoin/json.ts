import type { BitcoinBlock, BitcoinTransaction } from "../../../stream/bitcoin/block.ts";
import { inputsOf, outputsOf, parseBlock, witnessesOf } from "../../../stream/bitcoin/parse.ts";
import { compactSize, type Output, shown } from "./bytes.ts";
import { blockBytes, type ChainBlock, medianTime } from "./chain.ts";
import type { Coinbase, Pressed } from "./mint.ts";

/** How much `getblock` prints: txids, transactions, or also what they spend. */
export type Verbosity = 1 | 2 | 3;

/** An amount as Core prints it: in BTC, with eight places. */
export function btc(sat: bigint): string {
  return `${sat / 100_000_000n}.${String(sat % 100_000_000n).padStart(8, "0")}`;
}

/** What `getblockheader` prints, without closing the object: `getblock` goes on from there. */
export function headerText(
  block: ChainBlock,
  chain: { readonly confirmations: number; readonly next: string | undefined },
): string {
  const { header } = block;
  const fields = {
    hash: block.hash,
    confirmations: chain.confirmations,
    height: block.height,
    version: header.readInt32LE(0),
    versionHex: Buffer.from(header.subarray(0, 4)).reverse().toString("hex"),
    merkleroot: shown(header.subarray(36, 68)),
    time: block.time,
    mediantime: medianTime(block),
    nonce: header.readUInt32LE(76),
    bits: block.bits.toString(16).padStart(8, "0"),
    chainwork: block.work.toString(16).padStart(64, "0"),
    nTx: block.body.transactions.length + 1,
    ...(block.height === 0 ? {} : { previousblockhash: block.parent }),
    ...(chain.next === undefined ? {} : { nextblockhash: chain.next }),
  };
  return `${JSON.stringify(fields).slice(0, -1)},"difficulty":4.656542373906925e-10`;
}

const printed = new WeakMap<Pressed, Map<Verbosity, string>>();

/** The transactions of a block as `getblock` prints them, in brackets. The body's part is printed once. */
export function transactionsText(block: ChainBlock, verbosity: Verbosity): string {
  const { body, coinbase } = block;
  const known = printed.get(body) ?? new Map<Verbosity, string>();
  printed.set(body, known);
  const others = known.get(verbosity) ?? bodyText(block, verbosity);
  known.set(verbosity, others);
  const first = verbosity === 1 ? `"${shown(coinbase.txid)}"` : coinbaseText(block);
  return `[${first}${others}]`;
}

function bodyText(block: ChainBlock, verbosity: Verbosity): string {
  const { transactions } = block.body;
  if (verbosity === 1) return transactions.map(({ txid }) => `,"${shown(txid)}"`).join("");
  const parsed = parseBlock(blockBytes(block));
  return transactions
    .map((tx, index) => {
      const one = parsed.transactions[index + 1];
      if (one === undefined) return "";
      const spent = verbosity === 3 ? tx.spent : undefined;
      return `,${txText(parsed, one, { txid: tx.txid, wtxid: tx.wtxid, spent, feeSat: tx.feeSat })}`;
    })
    .join("");
}

function coinbaseText({ header, coinbase }: ChainBlock): string {
  const alone = parseBlock(Buffer.concat([header, compactSize(1), coinbase.bytes]));
  const [tx] = alone.transactions;
  return tx === undefined
    ? ""
    : txText(alone, tx, { ...coinbaseIds(coinbase), spent: undefined, feeSat: undefined });
}

function coinbaseIds({ txid, wtxid }: Coinbase): { txid: Uint8Array; wtxid: Uint8Array } {
  return { txid, wtxid };
}

/** What is printed of a transaction beside its bytes. */
interface TxFacts {
  readonly txid: Uint8Array;
  readonly wtxid: Uint8Array;
  readonly spent: readonly Output[] | undefined;
  readonly feeSat: bigint | undefined;
}

function txText(block: BitcoinBlock, tx: BitcoinTransaction, facts: TxFacts): string {
  const { bytes } = block;
  const whole = Buffer.from(bytes.subarray(tx.start, tx.end));
  const size = tx.end - tx.start;
  const bare = tx.witnessAt - tx.inputsAt + 8;
  const weight = tx.hasWitness ? 3 * bare + size : 4 * size;
  const head = {
    txid: shown(facts.txid),
    hash: shown(facts.wtxid),
    version: whole.readInt32LE(0),
    size,
    vsize: Math.ceil(weight / 4),
    weight,
    locktime: whole.readUInt32LE(size - 4),
  };
  const outputs = outputsOf(block, tx).map(
    ({ value, scriptAt, scriptEnd }, n) =>
      `{"value":${btc(BigInt(value))},"n":${n},"scriptPubKey":${scriptText(bytes.subarray(scriptAt, scriptEnd))}}`,
  );
  const fee = facts.feeSat === undefined ? "" : `,"fee":${btc(facts.feeSat)}`;
  const parts = [
    JSON.stringify(head).slice(0, -1),
    `,"vin":[${inputTexts(block, tx, facts.spent).join()}]`,
    `,"vout":[${outputs.join()}]${fee}`,
    `,"hex":"${whole.toString("hex")}"}`,
  ];
  return parts.join("");
}

function inputTexts(
  block: BitcoinBlock,
  tx: BitcoinTransaction,
  spent: readonly Output[] | undefined,
): readonly string[] {
  const bytes = Buffer.from(block.bytes.buffer, block.bytes.byteOffset, block.bytes.length);
  const witnesses = witnessesOf(block, tx);
  return inputsOf(block, tx).map(({ prevoutAt, scriptAt, scriptEnd }, index) => {
    const script = bytes.subarray(scriptAt, scriptEnd);
    const witness = (witnesses[index] ?? []).map((item) => Buffer.from(item).toString("hex"));
    const stack = witness.length === 0 ? "" : `,"txinwitness":${JSON.stringify(witness)}`;
    const sequence = `"sequence":${bytes.readUInt32LE(scriptEnd)}`;
    const vout = bytes.readUInt32LE(prevoutAt + 32);
    if (vout === 0xffffffff) return `{"coinbase":"${script.toString("hex")}"${stack},${sequence}}`;
    const prevout = spent?.[index];
    const told = prevout === undefined ? "" : `"prevout":${prevoutText(prevout)},`;
    const txid = shown(bytes.subarray(prevoutAt, prevoutAt + 32));
    const signed = `"scriptSig":{"asm":"${asm(script)}","hex":"${script.toString("hex")}"}`;
    return `{"txid":"${txid}","vout":${vout},${signed}${stack},${told}${sequence}}`;
  });
}

function prevoutText({ value, script }: Output): string {
  return `{"generated":false,"height":1,"value":${btc(value)},"scriptPubKey":${scriptText(script)}}`;
}

function scriptText(script: Uint8Array): string {
  return `{"asm":"${asm(script)}","desc":"raw(${hex(script)})#00000000","hex":"${hex(script)}","type":"nonstandard"}`;
}

/** A script in words, about as long as Core's own: pushes in hex, other opcodes by number. */
function asm(script: Uint8Array): string {
  const words: string[] = [];
  for (let at = 0; at < script.length; ) {
    const code = script[at] ?? 0;
    const length = code > 0 && code <= 75 ? code : 0;
    words.push(length > 0 ? hex(script.subarray(at + 1, at + 1 + length)) : `OP_${code}`);
    at += 1 + length;
  }
  return words.join(" ");
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
