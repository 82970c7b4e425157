import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { addBlock, beginAggregation } from "../../../stream/aggregation.ts";
import { bitcoinAddress } from "../../../stream/bitcoin/address.ts";
import { bitcoinRule } from "../../../stream/bitcoin/flows.ts";
import type { BlockHash } from "../../../stream/block.ts";
import { isoHour } from "../../../stream/flow/json.ts";
import { openBook, parseAssets, parseLabels } from "../../../stream/flow/labels.ts";
import type { BlockFlows, HourlyFlow } from "../../../stream/flow/leg.ts";
import type { FinalBlock } from "../../../stream/flow/rule.ts";
import { HASHES } from "./hashes.ts";
import { addressIn, type Holders, oracleFlows } from "./oracle.ts";
import {
  completeBlockNames,
  type RealBlock,
  readRealBlock,
  realBlockNames,
  realBlocksAreThere,
  satoshi,
  spentBytesOf,
} from "./real.ts";
import { ALL_PROOFS, BITCOIN, bookOf } from "./story.ts";

const EXAMPLE = "../shared/examples/bitcoin";
const rule = bitcoinRule({ network: "mainnet", hashes: HASHES });

function finalBlock({ bytes, printed }: RealBlock): FinalBlock {
  return {
    height: printed.height,
    hash: printed.hash as BlockHash,
    parent: (printed.previousblockhash ?? "0".repeat(64)) as BlockHash,
    time: printed.time,
    proofs: new Set(ALL_PROOFS),
    headers: {},
    value: Buffer.concat([bytes, spentBytesOf(printed)]),
  };
}

const legRows = (flows: BlockFlows) =>
  flows.legs.map((leg) => ({
    tx_hash: leg.txHash,
    kind: leg.kind,
    flow_type: leg.flowType,
    from_exchange: leg.fromExchange ?? "",
    to_exchange: leg.toExchange ?? "",
    from_address: leg.fromAddress,
    to_address: leg.toAddress,
    amount: String(leg.amount),
  }));

/** The rows of the hour after one block. */
function hoursOf(flows: BlockFlows): readonly HourlyFlow[] {
  const first = { firstHeight: flows.height, firstTime: flows.time };
  return addBlock(beginAggregation(first, 7200, "medianTimePast"), flows, 0).changed;
}

function rowsOf(name: string): readonly (readonly string[])[] {
  const text = readFileSync(`${EXAMPLE}/${name}.csv`, "utf8");
  return text
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.split(","));
}

test.skipIf(!realBlocksAreThere)(
  "block 300025 has the worked example's legs and hour (needs the data set beside the project)",
  () => {
    const forms = new Map([[BITCOIN, bitcoinAddress("mainnet", HASHES.sha256)]]);
    const source = (name: string) => [{ file: name, text: readFileSync(`${EXAMPLE}/${name}`, "utf8") }];
    const { rows: labels, faults } = parseLabels(source("labels.csv"), forms);
    const { rows: assets } = parseAssets(source("assets.csv"), forms);
    expect(faults).toEqual([]);
    const book = openBook({ chain: BITCOIN, version: "v1", labels, assets });
    const name = realBlockNames().find((one) => one.startsWith("300025_")) ?? "";
    const flows = rule(finalBlock(readRealBlock(name)), book);
    const legs = legRows(flows).map((leg) => [
      ...["bitcoin", String(flows.height), flows.hash, leg.tx_hash, "BTC"],
      ...[leg.kind, leg.flow_type, leg.from_exchange, leg.to_exchange, leg.amount],
    ]);
    expect(legs).toEqual(rowsOf("flow_legs"));
    const hours = hoursOf(flows).map((row) => [
      ...["bitcoin", row.exchange, row.asset, isoHour(row.hour)],
      ...[
        row.inflow,
        row.outflow,
        row.inflow - row.outflow,
        row.inflowInter,
        row.outflowInter,
        row.intra,
      ].map(String),
      ...[row.inflowTxs, row.outflowTxs, row.inflowTransfers, row.outflowTransfers].map(String),
      ...[row.issued, row.redeemed, row.fees, row.complete, row.firstHeight, row.lastHeight].map(String),
    ]);
    expect(hours.toSorted((one, other) => (one[1]! < other[1]! ? -1 : 1))).toEqual(
      rowsOf("exchange_flows_hourly"),
    );
  },
);

/** Labels for a block: the addresses that it names most, dealt out to exchanges, so that they meet in transactions. */
function holdersIn({ printed }: RealBlock): Holders {
  const counts = new Map<string, number>();
  for (const tx of printed.tx) {
    for (const output of [...tx.vout, ...tx.vin.flatMap(({ prevout }) => prevout ?? [])]) {
      const address = addressIn(output);
      if (address !== undefined) counts.set(address, (counts.get(address) ?? 0) + 1);
    }
  }
  const often = [...counts].sort(([, one], [, other]) => other - one).slice(0, Math.max(40, counts.size / 3));
  const exchanges = ["alpha", "beta", "gamma", "delta"];
  return new Map(often.map(([address], index) => [address, exchanges[index % exchanges.length] ?? ""]));
}

/** What each exchange's balance changed by, from the outputs alone. */
function changesIn({ printed }: RealBlock, holders: Holders): Record<string, bigint> {
  const changes: Record<string, bigint> = {};
  for (const { vin, vout } of printed.height === 0 ? [] : printed.tx) {
    const spent = vin.flatMap(({ prevout }) => (prevout ? [{ output: prevout, sign: -1n }] : []));
    for (const { output, sign } of [...spent, ...vout.map((one) => ({ output: one, sign: 1n }))]) {
      const holder = holders.get(addressIn(output) ?? "");
      if (holder !== undefined) changes[holder] = (changes[holder] ?? 0n) + sign * satoshi(output.value);
    }
  }
  return Object.fromEntries(Object.entries(changes).filter(([, change]) => change !== 0n));
}

describe.skipIf(!realBlocksAreThere)("complete real blocks (need the data set beside the project)", () => {
  test.each(completeBlockNames())("block %s: legs and fees are those of a second computation", (name) => {
    const real = readRealBlock(name);
    expect(real.complete).toBe(true);
    const holders = holdersIn(real);
    const flows = rule(finalBlock(real), bookOf(Object.fromEntries(holders)));
    const oracle = oracleFlows(real.printed, holders);
    expect(legRows(flows)).toEqual(oracle.legs);
    const paid = Object.entries(oracle.fees).filter(([, amount]) => amount > 0n);
    expect(Object.fromEntries(flows.fees.map((fee) => [fee.exchange, fee.amount]))).toEqual(
      Object.fromEntries(paid),
    );
    const balances = hoursOf(flows).map((row) => [
      row.exchange,
      row.inflow - row.outflow + row.issued - row.redeemed - row.fees,
    ]);
    expect(Object.fromEntries(balances.filter(([, change]) => change !== 0n))).toEqual(
      changesIn(real, holders),
    );
  });
});
