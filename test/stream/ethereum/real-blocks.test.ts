import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { keccak256 } from "../../../ingest/ethereum/keccak.ts";
import type { Address } from "../../../stream/block.ts";
import { ethereumRule } from "../../../stream/ethereum/flows.ts";
import type { BlockFlows } from "../../../stream/flow/leg.ts";
import { bookFrom, everybodyLabelled, finalRealBlock } from "../../support/final-block.ts";
import { oracleBooks, oracleFees, oracleLegs } from "../../support/oracle.ts";
import {
  type BalanceChange,
  type RealBlock,
  readRealBlock,
  realBlocksAreThere,
} from "../../support/real-blocks.ts";

const EXAMPLE = "../shared/examples/ethereum";
const HEIGHTS = Array.from({ length: 11 }, (_, index) => 17686110 + index);
/** Blocks with withdrawals, blobs and set-code transactions beside them: Shanghai, Cancun, Prague. */
const LATER = [17034870, 18000000, 19426587, 19529493, 19529499, 22119617, 22162263, 22431084];

const rule = ethereumRule({ chainId: 1, keccak: keccak256 });
const example = (name: string) => readFileSync(`${EXAMPLE}/${name}.csv`, "utf8");
const rowsOf = (text: string) =>
  text
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(","));

describe.skipIf(!realBlocksAreThere)("real blocks (need the data set beside the project)", () => {
  test("block 17686115 has the worked example's legs and fees", () => {
    const flows = rule(
      finalRealBlock(readRealBlock(17686115), { waived: ["withdrawals"] }),
      bookFrom(example("labels"), example("assets")),
    );
    const legs = flows.legs.map((leg) => [
      "ethereum",
      String(flows.height),
      flows.hash,
      leg.txHash ?? "",
      leg.asset,
      leg.kind,
      leg.flowType,
      leg.fromExchange ?? "",
      leg.toExchange ?? "",
      leg.fromAddress ?? "",
      leg.toAddress ?? "",
      String(leg.amount),
    ]);
    expect(legs).toEqual(rowsOf(example("flow_legs")));
    const fees = rowsOf(example("exchange_flows_hourly"))
      .map((row) => ({ exchange: row[1], asset: row[2], amount: BigInt(row[16] ?? "") }))
      .filter((fee) => fee.amount > 0n);
    expect(flows.fees).toEqual(fees);
    expect(flows.watermark).toBe(1689269951);
    expect(new Set(flows.legs.map((leg) => `${leg.kind} ${leg.evidence}`))).toEqual(
      new Set(["native block", "token block", "internal trace"]),
    );
  });

  test.each(HEIGHTS)(
    "block %i: every address's movements, fees and reward are the node's balance changes",
    (height) => {
      const real = readRealBlock(height);
      const flows = rule(finalRealBlock(real), everybodyLabelled(addressesIn(real)));
      const node = balancesOfNode(real);
      expect(movedBy(flows)).toEqual(node.moved);
      expect(new Map(flows.fees.map((fee) => [fee.exchange, fee.amount]))).toEqual(node.paid);
      const rewards = flows.legs.filter((leg) => leg.kind === "reward");
      expect(new Map(rewards.map((leg) => [leg.toAddress, leg.amount]))).toEqual(node.rewarded);
    },
  );

  test.each([...HEIGHTS, ...LATER])("block %i: legs and fees are those of a second computation", (height) => {
    const real = readRealBlock(height);
    const [labels, assets] = [example("labels"), example("assets")];
    const books = oracleBooks(labels, assets);
    const flows = rule(finalRealBlock(real), bookFrom(labels, assets));
    const mine = flows.legs.map((leg) => ({
      tx_hash: leg.txHash,
      asset: leg.asset,
      kind: leg.kind,
      flow_type: leg.flowType,
      from_exchange: leg.fromExchange,
      to_exchange: leg.toExchange,
      from_address: leg.fromAddress,
      to_address: leg.toAddress,
      amount: String(leg.amount),
    }));
    const sorted = (legs: readonly object[]) =>
      legs.map((leg) => JSON.stringify(Object.entries(leg).sort())).sort();
    expect(sorted(mine)).toEqual(sorted(oracleLegs(real, books)));
    expect(new Map(flows.fees.map((fee) => [fee.exchange, fee.amount]))).toEqual(oracleFees(real, books));
  });
});

/** All that the node prints as an address, or as a word that holds one. */
function addressesIn(real: unknown): ReadonlySet<Address> {
  const found = JSON.stringify(real).matchAll(/(?:"0x|0{24})(?<digits>[0-9a-f]{40})(?![0-9a-f])/g);
  return new Set(Array.from(found, ({ groups }) => `0x${groups?.["digits"]}` as Address));
}

interface NodeBalances {
  readonly moved: ReadonlyMap<string, bigint>;
  readonly paid: ReadonlyMap<string, bigint>;
  readonly rewarded: ReadonlyMap<string, bigint>;
}

/** The node's own record of who gained and lost what, in wei, by reason; what a reverted call changed did not last. */
function balancesOfNode(real: RealBlock): NodeBalances {
  const balances = {
    moved: new Map<string, bigint>(),
    paid: new Map<string, bigint>(),
    rewarded: new Map<string, bigint>(),
  };
  for (const { calls, balanceChanges } of real.traces ?? []) {
    const reverted = new Set(calls.filter((call) => call.stateReverted).map((call) => call.index));
    for (const change of balanceChanges as readonly (BalanceChange & { readonly call: number })[]) {
      const gain = BigInt(change.new) - BigInt(change.old);
      if (change.reason === "TRANSFER" && !reverted.has(change.call))
        add(balances.moved, change.address, gain);
      if (change.reason.startsWith("GAS_")) add(balances.paid, change.address, -gain);
      if (change.reason === "REWARD_TRANSACTION_FEE") add(balances.rewarded, change.address, gain);
    }
  }
  return { moved: moving(balances.moved), paid: moving(balances.paid), rewarded: moving(balances.rewarded) };
}

function movedBy(flows: BlockFlows): ReadonlyMap<string, bigint> {
  const moved = new Map<string, bigint>();
  for (const { kind, fromAddress, toAddress, amount } of flows.legs) {
    if (kind !== "native" && kind !== "internal") continue;
    add(moved, fromAddress ?? "", -amount);
    add(moved, toAddress ?? "", amount);
  }
  return moving(moved);
}

function add(sums: Map<string, bigint>, key: string, amount: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + amount);
}

function moving(sums: ReadonlyMap<string, bigint>): ReadonlyMap<string, bigint> {
  return new Map([...sums].filter(([, amount]) => amount !== 0n));
}
