import { addressOf } from "../../../stream/bitcoin/address.ts";
import { canonicalScript } from "../../../stream/bitcoin/script.ts";
import { fromHex, HASHES } from "./hashes.ts";
import { type PrintedBlock, type PrintedOutput, type PrintedTransaction, satoshi } from "./real.ts";

/** A leg in the columns of the worked example. */
export interface OracleLeg {
  readonly tx_hash: string;
  readonly kind: string;
  readonly flow_type: string;
  readonly from_exchange: string;
  readonly to_exchange: string;
  readonly from_address: string | null;
  readonly to_address: string | null;
  readonly amount: string;
}

/** Who holds an address. */
export type Holders = ReadonlyMap<string, string>;

/**
 * A second computation of a block's legs and fees, from what the node printed and the words of the design alone: entity by
 * entity, in whole numbers, without a look at the product's matrix. U is "".
 */
export function oracleFlows(
  block: PrintedBlock,
  holders: Holders,
): { readonly legs: readonly OracleLeg[]; readonly fees: Amounts } {
  const legs: OracleLeg[] = [];
  const fees: Record<string, bigint> = {};
  const owner = (output: PrintedOutput) => holders.get(addressIn(output) ?? "") ?? "";
  for (const tx of block.tx) {
    const received = sums(tx.vout, owner);
    const isCoinbase = tx.vin.some((input) => input.coinbase !== undefined);
    const inputs = tx.vin.flatMap((input) => input.prevout ?? []);
    const moved = isCoinbase
      ? coinbase(tx, block.height > 0 ? received : {})
      : spending(tx, { spent: sums(inputs, owner), received }, fees);
    for (const one of moved) {
      const from_address = soleAddress(inputs.filter((output) => owner(output) === one.from_exchange));
      const to_address = soleAddress(tx.vout.filter((output) => owner(output) === one.to_exchange));
      legs.push({ ...one, from_address, to_address });
    }
  }
  return { legs, fees };
}

/** A leg without the addresses that stand beside its exchanges. */
type Movement = Omit<OracleLeg, "from_address" | "to_address">;

/** The address that all these outputs were printed with, of those that hold something; null where one has another or none. */
function soleAddress(outputs: readonly PrintedOutput[]): string | null {
  const holding = outputs.filter(({ value }) => satoshi(value) > 0n);
  const [first, ...others] = new Set(holding.map(addressIn));
  return others.length > 0 ? null : (first ?? null);
}

type Amounts = Readonly<Record<string, bigint>>;

function coinbase(tx: PrintedTransaction, received: Amounts): readonly Movement[] {
  return exchangesIn(received).flatMap((e) => leg(tx, ["coinbase", "issued", "", e], received[e]!));
}

function spending(
  tx: PrintedTransaction,
  { spent, received }: { readonly spent: Amounts; readonly received: Amounts },
  fees: Record<string, bigint>,
): readonly Movement[] {
  const named = exchangesIn(spent, received);
  if (named.length === 0) return [];
  const fee = total(spent) - total(received);
  const paid = feeShares(["", ...named], spent, fee);
  const inflow: Record<string, bigint> = {};
  const outflow: Record<string, bigint> = {};
  for (const e of ["", ...named]) {
    const net = (received[e] ?? 0n) + paid[e]! - (spent[e] ?? 0n);
    inflow[e] = net > 0n ? net : 0n;
    outflow[e] = net < 0n ? -net : 0n;
    if (e !== "") fees[e] = (fees[e] ?? 0n) + paid[e]!;
  }
  const allOut = total(outflow);
  const inter = named.flatMap((s) =>
    named.flatMap((e) =>
      leg(tx, ["utxo", "inter", s, e], allOut === 0n ? 0n : (inflow[e]! * outflow[s]!) / allOut),
    ),
  );
  const rest = named.flatMap((e) => [
    ...leg(tx, ["utxo", "inflow", "", e], inflow[e]! - sumOf(inter, "to_exchange", e)),
    ...leg(tx, ["utxo", "outflow", e, ""], outflow[e]! - sumOf(inter, "from_exchange", e)),
  ]);
  return [...inter, ...rest];
}

/** What each pays of the fee: rounded down, the remainder on the largest spender, of equals the first by name. */
function feeShares(entities: readonly string[], spent: Amounts, fee: bigint): Record<string, bigint> {
  const totalIn = total(spent);
  const paid: Record<string, bigint> = {};
  let largest = "";
  for (const e of entities) {
    paid[e] = totalIn === 0n ? 0n : (fee * (spent[e] ?? 0n)) / totalIn;
    if ((spent[e] ?? 0n) > (spent[largest] ?? 0n)) largest = e;
  }
  paid[largest]! += fee - total(paid);
  return paid;
}

function sumOf(legs: readonly Movement[], side: "from_exchange" | "to_exchange", exchange: string): bigint {
  return legs.reduce((sum, one) => (one[side] === exchange ? sum + BigInt(one.amount) : sum), 0n);
}

function exchangesIn(...sides: readonly Amounts[]): readonly string[] {
  const names = new Set(sides.flatMap((side) => Object.keys(side)));
  names.delete("");
  return [...names].sort((one, other) => (one < other ? -1 : 1));
}

/** As the node printed it; a bare public key's, which it does not print, by our own. */
export function addressIn({ scriptPubKey }: PrintedOutput): string | undefined {
  if (scriptPubKey.type !== "pubkey") return scriptPubKey.address;
  const script = canonicalScript(fromHex(scriptPubKey.hex), HASHES);
  return script && addressOf(script, "mainnet", HASHES.sha256);
}

/** A leg, unless it moves nothing. */
function leg(
  tx: PrintedTransaction,
  [kind, flow_type, from_exchange, to_exchange]: readonly [string, string, string, string],
  amount: bigint,
): readonly Movement[] {
  if (amount === 0n) return [];
  return [{ tx_hash: tx.txid, kind, flow_type, from_exchange, to_exchange, amount: String(amount) }];
}

function sums(outputs: readonly PrintedOutput[], owner: (output: PrintedOutput) => string): Amounts {
  const amounts: Record<string, bigint> = {};
  for (const output of outputs) {
    const entity = owner(output);
    amounts[entity] = (amounts[entity] ?? 0n) + satoshi(output.value);
  }
  return amounts;
}

function total(amounts: Amounts): bigint {
  return Object.values(amounts).reduce((sum, amount) => sum + amount, 0n);
}
