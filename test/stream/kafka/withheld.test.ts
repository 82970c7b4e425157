import fc from "fast-check";
import { expect, test } from "vitest";
import { Withheld } from "../../../stream/kafka/withheld.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";

const TOPIC = "raw";
const BYTES = 10;

function filled(count: number) {
  const cluster = new MemoryCluster();
  for (let index = 0; index < count; index += 1) {
    cluster.append({ topic: TOPIC, key: `k${index}`, value: Buffer.alloc(BYTES, index) });
  }
  const reads: number[] = [];
  const broker = cluster.connect((effect) => {
    if (effect.kind === "read") reads.push(effect.records);
  });
  return { broker, records: cluster.records(TOPIC), reads };
}

test("within the budget nothing is read again", async () => {
  const { broker, records, reads } = filled(3);
  const withheld = new Withheld(broker, TOPIC, 3 * BYTES);
  for (const record of records) withheld.keep(record);
  for (const record of records) expect(await withheld.take(record.offset)).toEqual(record);
  expect(reads).toEqual([]);
});

test("what is taken or dropped makes room again", async () => {
  const { broker, records, reads } = filled(3);
  const withheld = new Withheld(broker, TOPIC, BYTES);
  const [first, second, third] = records as [(typeof records)[0], (typeof records)[0], (typeof records)[0]];
  withheld.keep(first);
  await withheld.take(first.offset);
  withheld.keep(second);
  withheld.retain(new Set());
  withheld.keep(third);
  expect(await withheld.take(third.offset)).toEqual(third);
  expect(reads).toEqual([]);
});

test("whatever the budget and the order, the records are those of the topic", async () => {
  const wanted = fc.uniqueArray(fc.integer({ min: 0, max: 199 }), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(
      wanted,
      fc.integer({ min: 0, max: 30 }),
      fc.boolean(),
      async (indexes, budget, sorted) => {
        const { broker, records } = filled(200);
        const withheld = new Withheld(broker, TOPIC, budget * BYTES);
        const order = sorted ? [...indexes].sort((a, b) => a - b) : indexes;
        for (const index of order) withheld.keep(records[index] as (typeof records)[0]);
        for (const index of order) {
          const record = records[index] as (typeof records)[0];
          expect(await withheld.take(record.offset)).toEqual(record);
        }
        await withheld.close();
      },
    ),
    { numRuns: 300 },
  );
});
