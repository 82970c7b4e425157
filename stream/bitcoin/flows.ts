import type { Address, TxHash } from "../block.ts";
import type { Evidence, Fee, FlowType, Leg } from "../flow/leg.ts";
import type { FinalBlock, FlowRule } from "../flow/rule.ts";
import { addressOf } from "./address.ts";
import {
  type BitcoinHashes,
  type BitcoinTransaction,
  type RawBlock,
  type SpentOutputs,
  type TransactionOutput,
  txidOf,
} from "./block.ts";
import { sameBytes } from "./bytes.ts";
import { type Holders, openHolders } from "./holders.ts";
import { type Balance, balancesOf, transfersOf, UNLABELLED } from "./matrix.ts";
import type { BitcoinNetwork } from "./network.ts";
import { BlockMalformed, decodeRawBlock } from "./parse.ts";
import { canonicalScript } from "./script.ts";

/** A leg before it has its number. */
type Movement = Omit<Leg, "leg">;

/** All that a block's flows are made from. */
interface View {
  readonly raw: RawBlock;
  readonly holders: Holders;
  readonly asset: string;
  readonly network: BitcoinNetwork;
  readonly hashes: BitcoinHashes;
  /** What inputs and outputs rest on together, and what outputs alone do. */
  readonly grounds: { readonly spent: Evidence; readonly outputs: Evidence };
}

/** One side of a transaction, entity by entity. */
type Side = ReadonlyMap<string, readonly TransactionOutput[]>;

/** A transaction with a labelled side: what each entity spent and received. */
interface Exchange {
  readonly tx: BitcoinTransaction;
  readonly spent: Side;
  readonly received: Side;
}

/**
 * The rule of UTXO chains (DESIGN §5). Legs stand in the order of transactions, within one: between exchanges, then from or
 * to the unlabelled. The watermark rests on eleven blocks, so no block states it. Throws `BlockMalformed`.
 */
export function bitcoinRule(options: {
  readonly network: BitcoinNetwork;
  readonly hashes: BitcoinHashes;
}): FlowRule {
  const holdersAt = openHolders(options.network, options.hashes);
  return (final, book) => {
    const raw = decodeRawBlock(final.value);
    const holders = holdersAt(book, final.time);
    const grounds = groundsOf(final.proofs);
    const view = { ...options, raw, holders, grounds, asset: book.nativeAsset };
    const fees = new Map<string, bigint>();
    const movements = [...issued(view, final), ...moved(view, fees)];
    return {
      height: final.height,
      hash: final.hash,
      time: final.time,
      watermark: null,
      labelVersion: book.version,
      legs: movements.map((movement, leg) => ({ leg, ...movement })),
      fees: feesOf(fees, book.nativeAsset),
    };
  };
}

/** What the coinbase pays out, one leg an exchange. Block 0's output is in no node's set of unspent ones: nobody gained it. */
function* issued(view: View, { height }: FinalBlock): Generator<Movement> {
  const tx = view.raw.block.transactions[0];
  if (height === 0 || tx === undefined) return;
  const received = sideOf(view, tx.outputs);
  for (const [exchange, outputs] of [...received].sort(byName)) {
    const amount = totalOf(outputs);
    if (exchange === UNLABELLED || amount === 0n) continue;
    yield {
      ...partiesOf(UNLABELLED, exchange),
      flowType: "issued",
      kind: "coinbase",
      txHash: txidOf(view.raw.block, tx, view.hashes.sha256),
      asset: view.asset,
      fromAddress: null,
      toAddress: soleAddress(view, outputs),
      amount,
      evidence: view.grounds.outputs,
    };
  }
}

/** What all other transactions moved; adds what exchanges paid for it to `fees`. */
function* moved(view: View, fees: Map<string, bigint>): Generator<Movement> {
  const { transactions } = view.raw.block;
  for (let index = 1; index < transactions.length; index += 1) {
    const tx = transactions[index] as BitcoinTransaction;
    const spent = view.raw.spent[index] as SpentOutputs;
    if (tx.total > spent.total)
      throw new BlockMalformed(`transaction ${index} pays out more than it spends`, tx.start);
    if (!hasLabel(view, spent.outputs) && !hasLabel(view, tx.outputs)) continue;
    const exchange = { tx, spent: sideOf(view, spent.outputs), received: sideOf(view, tx.outputs) };
    const balances = balancesIn(exchange);
    for (const { entity, fee } of balances) fees.set(entity, (fees.get(entity) ?? 0n) + fee);
    yield* movementsOf(view, exchange, balances);
  }
}

function* movementsOf(view: View, exchange: Exchange, balances: readonly Balance[]): Generator<Movement> {
  const transfers = transfersOf(balances);
  if (transfers.length === 0) return;
  const txHash: TxHash = txidOf(view.raw.block, exchange.tx, view.hashes.sha256);
  for (const { from, to, amount } of transfers) {
    yield {
      ...partiesOf(from, to),
      kind: "utxo",
      txHash,
      asset: view.asset,
      fromAddress: soleAddress(view, exchange.spent.get(from) ?? []),
      toAddress: soleAddress(view, exchange.received.get(to) ?? []),
      amount,
      evidence: view.grounds.spent,
    };
  }
}

function balancesIn({ spent, received }: Exchange): readonly Balance[] {
  const entities = new Set([...spent.keys(), ...received.keys()]);
  return balancesOf(
    [...entities].map((entity) => ({
      entity,
      spent: totalOf(spent.get(entity) ?? []),
      received: totalOf(received.get(entity) ?? []),
    })),
  );
}

/** Asked of every transaction: most have none. */
function hasLabel({ raw, holders }: View, outputs: readonly TransactionOutput[]): boolean {
  return outputs.some((output) => holders.entityAt(raw.block.bytes, output) !== UNLABELLED);
}

function sideOf({ raw, holders }: View, outputs: readonly TransactionOutput[]): Side {
  const side = new Map<string, TransactionOutput[]>();
  for (const output of outputs) {
    const entity = holders.entityAt(raw.block.bytes, output);
    const same = side.get(entity);
    if (same === undefined) side.set(entity, [output]);
    else same.push(output);
  }
  return side;
}

function totalOf(outputs: readonly TransactionOutput[]): bigint {
  return BigInt(outputs.reduce((sum, output) => sum + output.value, 0));
}

/** The address of all outputs that hold something, where they share one; null where they don't, or where a script has none. */
function soleAddress(view: View, outputs: readonly TransactionOutput[]): Address | null {
  const { bytes } = view.raw.block;
  let sole: Uint8Array | undefined;
  for (const { value, scriptAt, scriptEnd } of outputs) {
    if (value === 0) continue;
    const script = canonicalScript(bytes.subarray(scriptAt, scriptEnd), view.hashes);
    if (script === undefined || (sole !== undefined && !sameBytes(sole, script))) return null;
    sole = script;
  }
  return (sole && addressOf(sole, view.network, view.hashes.sha256)) ?? null;
}

function partiesOf(
  from: string,
  to: string,
): { readonly flowType: FlowType; readonly fromExchange: string | null; readonly toExchange: string | null } {
  const fromExchange = from === UNLABELLED ? null : from;
  const toExchange = to === UNLABELLED ? null : to;
  const flowType = fromExchange === null ? "inflow" : toExchange === null ? "outflow" : "inter";
  return { flowType, fromExchange, toExchange };
}

function feesOf(fees: ReadonlyMap<string, bigint>, asset: string): readonly Fee[] {
  return [...fees]
    .filter(([exchange, amount]) => exchange !== UNLABELLED && amount !== 0n)
    .sort(byName)
    .map(([exchange, amount]) => ({ exchange, asset, amount }));
}

/** Names have no letters beyond ASCII, so this is the order of their bytes. */
function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1;
}

/** A block's outputs are committed to by its own hash; what its inputs spend is the node's word, checked by count and sum. */
function groundsOf(proofs: ReadonlySet<string>): View["grounds"] {
  const committed = proofs.has("header") && proofs.has("merkle");
  return {
    outputs: committed ? "block" : "unproven",
    spent: committed && proofs.has("spent") ? "prevout" : "unproven",
  };
}
