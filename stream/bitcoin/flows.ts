import type { Address, TxHash } from "../block.ts";
import { sameBytes } from "../bytes.ts";
import type { Evidence, Fee, FlowType, Leg } from "../flow/leg.ts";
import type { FinalBlock, FlowRule } from "../flow/rule.ts";
import { addressOf } from "./address.ts";
import {
  type BitcoinHashes,
  type BitcoinTransaction,
  type OutputsPlace,
  type RawBlock,
  type SpentOutputs,
  type TransactionOutput,
  txidOf,
} from "./block.ts";
import { type Holders, openHolders } from "./holders.ts";
import { balancesOf, type Stake, type Transfer, transfersOf, UNLABELLED } from "./matrix.ts";
import type { BitcoinNetwork } from "./network.ts";
import { BlockMalformed, decodeRawBlock, hasScript, outputsOf } from "./parse.ts";
import { canonicalScript } from "./script.ts";

/** What transactions add to, one after another; fees of the unlabelled too. */
interface Tally {
  readonly legs: Leg[];
  readonly fees: Map<string, bigint>;
}

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

/** The outputs that one entity spends and receives in a transaction. */
interface Party {
  readonly spent: TransactionOutput[];
  readonly received: TransactionOutput[];
}

/** A transaction with a labelled side, entity by entity. */
interface Exchange {
  readonly tx: BitcoinTransaction;
  readonly parties: ReadonlyMap<string, Party>;
  readonly transfers: readonly Transfer[];
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
    const tally = { legs: [], fees: new Map<string, bigint>() };
    addIssued(view, final, tally);
    addMoved(view, tally);
    return {
      height: final.height,
      hash: final.hash,
      time: final.time,
      watermark: null,
      labelVersion: book.version,
      legs: tally.legs,
      fees: feesOf(tally.fees, book.nativeAsset),
    };
  };
}

/** What the coinbase pays out, one leg an exchange. Block 0's output is in no node's set of unspent ones: nobody gained it. */
function addIssued(view: View, { height }: FinalBlock, { legs }: Tally): void {
  const tx = view.raw.block.transactions[0];
  if (height === 0 || tx === undefined) return;
  const parties = partiesTo(view, { spent: [], received: outputsOf(view.raw.block, tx) });
  for (const [exchange, { received }] of [...parties].sort(byName)) {
    const amount = totalOf(received);
    if (exchange === UNLABELLED || amount === 0n) continue;
    legs.push({
      leg: legs.length,
      txHash: txidOf(view.raw.block, tx, view.hashes.sha256),
      asset: view.asset,
      kind: "coinbase",
      flowType: "issued",
      fromExchange: null,
      toExchange: exchange,
      fromAddress: null,
      toAddress: soleAddress(view, received),
      amount,
      evidence: view.grounds.outputs,
    });
  }
}

/** What all other transactions moved, and who paid for it. */
function addMoved(view: View, { legs, fees }: Tally): void {
  const { block } = view.raw;
  for (let index = 1; index < block.transactions.length; index += 1) {
    const tx = block.transactions[index] as BitcoinTransaction;
    const spent = view.raw.spent[index] as SpentOutputs;
    if (tx.total > spent.total)
      throw new BlockMalformed(`transaction ${index} pays out more than it spends`, tx.start);
    if (!hasLabel(view, spent) && !hasLabel(view, tx)) continue;
    const parties = partiesTo(view, { spent: outputsOf(block, spent), received: outputsOf(block, tx) });
    const balances = balancesOf([...parties].map(stakeOf));
    for (const { entity, fee } of balances) fees.set(entity, (fees.get(entity) ?? 0n) + fee);
    addTransfers(view, { tx, parties, transfers: transfersOf(balances) }, legs);
  }
}

/** All fields in one literal, as in `addIssued`: one made from spread parts costs the engine several times as much. */
function addTransfers(view: View, { tx, parties, transfers }: Exchange, legs: Leg[]): void {
  if (transfers.length === 0) return;
  const txHash: TxHash = txidOf(view.raw.block, tx, view.hashes.sha256);
  for (const transfer of transfers) {
    const { from, to, amount } = transfer;
    legs.push({
      leg: legs.length,
      txHash,
      asset: view.asset,
      kind: "utxo",
      flowType: flowTypeOf(transfer),
      fromExchange: exchangeOf(from),
      toExchange: exchangeOf(to),
      fromAddress: soleAddress(view, parties.get(from)?.spent ?? []),
      toAddress: soleAddress(view, parties.get(to)?.received ?? []),
      amount,
      evidence: view.grounds.spent,
    });
  }
}

function stakeOf([entity, { spent, received }]: readonly [string, Party]): Stake {
  return { entity, spent: totalOf(spent), received: totalOf(received) };
}

/** Asked of every transaction: most have none. */
function hasLabel({ raw, holders }: View, outputs: OutputsPlace): boolean {
  return hasScript(raw.block, outputs, (script) => holders.entityAt(raw.block.bytes, script) !== UNLABELLED);
}

function partiesTo(
  { raw, holders }: View,
  { spent, received }: { readonly [Side in keyof Party]: readonly TransactionOutput[] },
): ReadonlyMap<string, Party> {
  const parties = new Map<string, Party>();
  const partyOf = (output: TransactionOutput): Party => {
    const entity = holders.entityAt(raw.block.bytes, output);
    const known = parties.get(entity);
    if (known !== undefined) return known;
    const party = { spent: [], received: [] };
    parties.set(entity, party);
    return party;
  };
  for (const output of spent) partyOf(output).spent.push(output);
  for (const output of received) partyOf(output).received.push(output);
  return parties;
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
  if (sole === undefined) return null;
  return view.holders.addressOf(sole) ?? addressOf(sole, view.network, view.hashes.sha256) ?? null;
}

function flowTypeOf({ from, to }: Transfer): FlowType {
  if (from === UNLABELLED) return "inflow";
  return to === UNLABELLED ? "outflow" : "inter";
}

function exchangeOf(entity: string): string | null {
  return entity === UNLABELLED ? null : entity;
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
