import { expect, test } from "vitest";
import type { OutgoingRecord } from "../../stream/kafka/broker.ts";
import { finalRewind, flowsRewind, takenBackHeaders } from "../../stream/kafka/rewind-record.ts";
import { finalOrder, flowsOrder, hoursOrder, type OrderCheck } from "../../warehouse/order.ts";
import { MemoryCluster } from "../support/memory-broker.ts";
import { asRead, block, hashOf, headersOf, recordsOf, START, TOPICS } from "./postgres/story.ts";

/** Blocks 100 to 109, one a minute, without a leg. */
const blocks = Array.from({ length: 10 }, (_, at) => block(100 + at, START + 60 * at));
const records = recordsOf(blocks);

/** The one kind of record of each topic that tells of block `height`. */
const one = (kind: "final" | "flows" | "exchangeFlows", height: number) =>
  records[kind][height - 100] as OutgoingRecord;
const rewindOf = (kind: "final" | "flows", height: number) => {
  const [header] = headersOf([block(height, START)]);
  if (header === undefined) throw new Error("a story has a block");
  const headers = { height: `${height}`, hash: header.hash, parent: header.parent, time: `${START}` };
  return kind === "final"
    ? finalRewind(TOPICS.final, { header, headers, rewinds: 1, rawNext: 0 })
    : flowsRewind(TOPICS.flows, header, 1);
};

/** "in order", or what the first record that is not says. */
async function outcome(check: OrderCheck, ...reads: readonly (readonly OutgoingRecord[])[]) {
  const all = asRead(reads.flat());
  let from = 0;
  for (const { length } of reads) {
    const found = await check(all.slice(from, from + length)).catch((error: Error) => error);
    if (found instanceof Error) return `${found.name}: ${found.message.replace(/;.*/, "")}`;
    from += length;
  }
  return "in order";
}

const broken = (topic: string, offset: number, last: string, height: number) =>
  `OrderBroken: offset ${offset} of ${topic} holds block ${height} (${hashOf(`b${height}`)}) where the one after ${last} belongs`;

for (const kind of ["final", "flows"] as const) {
  const topic = TOPICS[kind];
  const open = kind === "final" ? finalOrder : flowsOrder;
  const wordsOf = (height: number) =>
    kind === "final" ? `${height} (${hashOf(`b${height}`)})` : `${height}`;

  test(`${kind}: a store takes any first block, then each next one, over many reads`, async () => {
    expect(await outcome(open(undefined), [one(kind, 103)], [one(kind, 104), one(kind, 105)], [])).toBe(
      "in order",
    );
    expect(await outcome(open({ height: 102 }), [one(kind, 103), one(kind, 104)])).toBe("in order");
  });

  test(`${kind}: a block passed over, or one that is stored already, is refused where it stands`, async () => {
    expect(await outcome(open({ height: 102 }), [one(kind, 104)])).toBe(broken(topic, 0, "102", 104));
    expect(await outcome(open({ height: 102 }), [one(kind, 102)])).toBe(broken(topic, 0, "102", 102));
    expect(await outcome(open({ height: 102 }), [one(kind, 103)], [one(kind, 105)])).toBe(
      broken(topic, 2, wordsOf(103), 105),
    );
    expect(await outcome(open({ height: 102 }), [one(kind, 103), one(kind, 105)])).toBe(
      broken(topic, 2, wordsOf(103), 105),
    );
  });

  test(`${kind}: after a rewind the block above its height comes next; it can't go back to what is not there`, async () => {
    const back = rewindOf(kind, 101);
    expect(await outcome(open({ height: 104 }), [one(kind, 105), back, one(kind, 102), one(kind, 103)])).toBe(
      "in order",
    );
    expect(await outcome(open({ height: 104 }), [back], [one(kind, 105)])).toBe(
      broken(topic, 2, wordsOf(101), 105),
    );
    expect(await outcome(open({ height: 100 }), [back])).toBe(broken(topic, 0, "100", 101));
  });
}

test("final: a block of the next height that is another one's child is refused", async () => {
  const last = { height: 102, hash: hashOf("b102") };
  expect(await outcome(finalOrder(last), [one("final", 103)])).toBe("in order");
  expect(await outcome(finalOrder({ ...last, hash: hashOf("other") }), [one("final", 103)])).toBe(
    broken(TOPICS.final, 0, `102 (${hashOf("other")})`, 103),
  );
});

/** The marks as a topic that begins with those of `standing` and is read from there on, cleaned or not. */
async function hours(
  standing: readonly OutgoingRecord[],
  read: readonly OutgoingRecord[],
  options: { readonly last: number; readonly cleaned?: boolean },
): Promise<string> {
  const cluster = new MemoryCluster();
  for (const record of [...standing, ...read]) cluster.append(record);
  if (options.cleaned === true) cluster.compact(TOPICS.exchangeFlows);
  const next = 2 * standing.length;
  const all = cluster.records(TOPICS.exchangeFlows).filter(({ offset }) => offset >= next);
  const check = hoursOrder(cluster.connect(), { last: { height: options.last }, next });
  return check(all).then(
    () => "in order",
    (error: Error) => `${error.name}: ${error.message.replace(/;.*/, "")}`,
  );
}

const mark = (height: number) => one("exchangeFlows", height);
const marks = (from: number, to: number) => blocks.slice(from - 100, to - 99).map((b) => mark(b.height));
const { exchangeFlows } = TOPICS;

test("exchange flows: marks follow each other; where the cleaner took some, those below are gone too", async () => {
  expect(await hours(marks(100, 102), marks(103, 106), { last: 102 })).toBe("in order");
  expect(await hours(marks(100, 102), marks(103, 106), { last: 102, cleaned: true })).toBe("in order");
});

test("exchange flows: a mark passed over while older ones stand is refused, and so is one that comes again", async () => {
  expect(await hours(marks(100, 104), marks(105, 106), { last: 102 })).toBe(
    broken(exchangeFlows, 10, "102", 105),
  );
  expect(await hours([], marks(102, 106), { last: 102 })).toBe(broken(exchangeFlows, 0, "102", 102));
  expect(await hours([], marks(102, 106), { last: 106, cleaned: true })).toBe(
    broken(exchangeFlows, 8, "106", 106),
  );
});

test("exchange flows: marks that only the broker read first had cleaned are not missed, rows in between or not", async () => {
  const row = { ...mark(104), key: "binance|ETH|2023-11-14T22:00:00Z" };
  for (const rows of [[], [row, row]]) {
    const cluster = new MemoryCluster();
    for (const record of [...marks(100, 103), ...rows, ...marks(104, 105)]) cluster.append(record);
    const all = cluster.records(exchangeFlows);
    const readFrom = (next: number) => {
      const check = hoursOrder(cluster.connect(), { last: { height: 102 }, next });
      return check(all.slice(4)).then(
        () => "in order",
        (error: Error) => error.name,
      );
    };
    const mark103 = all[3]?.offset ?? 0;
    expect([await readFrom(mark103), await readFrom(mark103 + 1)]).toEqual(["in order", "OrderBroken"]);
  }
});

test("exchange flows: the mark of a rewind goes back, and the next one follows it, cleaned or not", async () => {
  const back = { ...mark(103), headers: takenBackHeaders(1) };
  const again = marks(104, 105).map((record) => ({ ...record, headers: { rewinds: "1" } }));
  for (const cleaned of [false, true]) {
    expect(await hours(marks(100, 106), [back, ...again], { last: 106, cleaned })).toBe("in order");
  }
  expect(await hours(marks(100, 101), [back, ...again], { last: 101 })).toBe(
    broken(exchangeFlows, 4, "101", 103),
  );
});
