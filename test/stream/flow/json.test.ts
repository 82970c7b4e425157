import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { Address, BlockHash, TxHash } from "../../../stream/block.ts";
import type { Reorg } from "../../../stream/finality.ts";
import {
  flowsFromJson,
  flowsToJson,
  hourlyFromJson,
  hourlyToJson,
  markFromJson,
  markToJson,
  reorgFromJson,
  reorgToJson,
} from "../../../stream/flow/json.ts";
import type { BlockFlows, HourlyFlow, Leg, WatermarkMark } from "../../../stream/flow/leg.ts";

const schema = (name: string) =>
  z.fromJSONSchema(
    JSON.parse(readFileSync(`stream/schemas/${name}.json`, "utf8")) as z.core.JSONSchema.JSONSchema,
  );

const amount = fc.bigInt({ min: 0n, max: (1n << 256n) - 1n });
const count = fc.nat(1_000_000);
const name = fc.stringMatching(/^[a-z0-9._-]{1,12}$/);
const hash = fc.stringMatching(/^0x[0-9a-f]{64}$/) as fc.Arbitrary<string> as fc.Arbitrary<BlockHash>;
const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });

const leg: fc.Arbitrary<Leg> = fc.record({
  leg: count,
  txHash: orNull(hash) as fc.Arbitrary<unknown> as fc.Arbitrary<TxHash | null>,
  asset: name,
  kind: fc.constantFrom("native", "internal", "token", "withdrawal", "reward", "utxo", "coinbase"),
  flowType: fc.constantFrom("inflow", "outflow", "inter", "intra", "issued", "redeemed"),
  fromExchange: orNull(name),
  toExchange: orNull(name),
  fromAddress: orNull(name) as fc.Arbitrary<Address | null>,
  toAddress: orNull(name) as fc.Arbitrary<Address | null>,
  amount,
  evidence: fc.constantFrom("block", "trace", "prevout", "unproven"),
});

const flows: fc.Arbitrary<BlockFlows> = fc.record({
  height: count,
  hash,
  time: count,
  watermark: orNull(count),
  labelVersion: name,
  legs: fc.array(leg, { maxLength: 4 }),
  fees: fc.array(fc.record({ exchange: name, asset: name, amount }), { maxLength: 3 }),
});

const hourly: fc.Arbitrary<HourlyFlow> = fc.record({
  exchange: name,
  asset: name,
  hour: fc.nat(1_000_000).map((hours) => hours * 3600),
  inflow: amount,
  outflow: amount,
  inflowInter: amount,
  outflowInter: amount,
  intra: amount,
  inflowTxs: count,
  outflowTxs: count,
  inflowTransfers: count,
  outflowTransfers: count,
  issued: amount,
  redeemed: amount,
  fees: amount,
  complete: fc.boolean(),
  firstHeight: count,
  lastHeight: count,
});

const mark: fc.Arbitrary<WatermarkMark> = fc.record({
  height: count,
  hash,
  time: count,
  watermark: orNull(count),
  firstHeight: count,
  firstTime: count,
  openFrom: orNull(count),
});

const ref = fc.record({ height: count, hash });
const reorg: fc.Arbitrary<Reorg> = fc.record({
  rawOffset: count,
  oldTip: ref,
  newTip: ref,
  ancestor: ref,
  depth: fc.integer({ min: 1, max: 9 }),
  orphaned: fc.array(fc.record({ height: count, hash, parent: hash, time: count }), {
    minLength: 1,
    maxLength: 3,
  }),
});

describe("the JSON of derived topics", () => {
  const law = <T>(
    of: string,
    values: fc.Arbitrary<T>,
    codec: { to(value: T): string; from(text: string): T },
  ) =>
    test(`${of}: what is written obeys its schema and reads back the same, to the last digit`, () => {
      const shape = schema(of);
      fc.assert(
        fc.property(values, (value) => {
          const text = codec.to(value);
          expect(shape.safeParse(JSON.parse(text)).success).toBe(true);
          expect(codec.from(text)).toEqual(value);
        }),
        { numRuns: 300 },
      );
    });
  law("flows", flows, { to: flowsToJson, from: flowsFromJson });
  law("exchange-flows", hourly, { to: hourlyToJson, from: hourlyFromJson });
  law("watermark", mark, { to: markToJson, from: markFromJson });
  law("reorgs", reorg, { to: reorgToJson, from: reorgFromJson });

  test("a value of another topic, a float amount and a broken one are refused by field", () => {
    expect(() => flowsFromJson("{")).toThrow("a record's value is not JSON");
    expect(() => markFromJson('{"height":1.5}')).toThrow("field height is not an integer");
    const row = { ...JSON.parse(hourlyToJson(fc.sample(hourly, 1)[0]!)), inflow: "1.5" };
    expect(() => hourlyFromJson(JSON.stringify(row))).toThrow("field inflow is no decimal amount");
  });
});
