import { describe, expect, test } from "vitest";
import type { OutgoingRecord } from "../../stream/kafka/broker.ts";
import { Fenced } from "../../stream/kafka/errors.ts";
import { connect } from "./broker.ts";
import { SimCluster } from "./cluster.ts";
import { SimProcess } from "./process.ts";
import { Scheduler } from "./scheduler.ts";

const record = (key: string): OutgoingRecord => ({ topic: "t", key, value: Buffer.from(key) });

/** A cluster, and processes to which nothing happens but what the test does. */
function bed(seed = 1) {
  const scheduler = new Scheduler(seed);
  const cluster = new SimCluster(scheduler);
  const fate = { at: () => undefined, fault: () => false, powerCut: () => undefined };
  const process = (name: string) => {
    const made = new SimProcess(name, scheduler, fate);
    made.granted.add("w");
    return { process: made, broker: connect({ cluster, scheduler }, made) };
  };
  return { scheduler, cluster, process };
}

describe("the simulated Kafka", () => {
  test("shows committed records only, and each marker takes an offset", async () => {
    const { scheduler, cluster, process } = bed();
    const { broker } = process("a");
    await scheduler.drive(
      (async () => {
        const writer = await broker.openWriter("w");
        await writer.commit([record("1"), record("2")]);
        const aborted = await cluster.begin("w", 1);
        cluster.append(aborted, record("lost"));
        cluster.abort(aborted);
        await writer.commit([record("3")]);
        expect(await broker.bounds("t")).toEqual({ low: 0, high: 7 });
      })(),
    );
    const { records, next } = cluster.log("t").read(0, 10);
    expect(records.map(({ key, offset }) => [key, offset])).toEqual([
      ["1", 0],
      ["2", 1],
      ["3", 5],
    ]);
    expect(next).toBe(7);
  });

  test("shows nothing above a transaction that is open, until its time is out", async () => {
    const { scheduler, cluster, process } = bed();
    const { broker } = process("a");
    await scheduler.drive(
      (async () => {
        await cluster.fence("dead");
        cluster.append(await cluster.begin("dead", 1), record("left open"));
        await (await broker.openWriter("w")).commit([record("1")]);
        await scheduler.sleep(5_000);
        expect(cluster.log("t").stable).toBe(0);
        await scheduler.sleep(6_000);
      })(),
    );
    expect(
      cluster
        .log("t")
        .read(0, 10)
        .records.map(({ key }) => key),
    ).toEqual(["1"]);
  });

  test("fences the earlier writer of an id", async () => {
    const { scheduler, cluster, process } = bed();
    await scheduler.drive(
      (async () => {
        const first = await process("a").broker.openWriter("w");
        const second = await process("b").broker.openWriter("w");
        await expect(first.commit([record("zombie")])).rejects.toThrow(Fenced);
        await second.commit([record("1")]);
        await scheduler.sleep(100);
      })(),
    );
    expect(cluster.log("t").history.map(({ key }) => key)).toEqual(["1"]);
  });

  test("expels a frozen member after its session, and takes no offset from it when it wakes", async () => {
    const { scheduler, cluster, process } = bed();
    const never = new AbortController().signal;
    const one = process("a");
    const other = process("b");
    await scheduler.drive(
      (async () => {
        const where = { group: "w", topic: "t" };
        const claim = await one.broker.claim(where, never);
        const writer = await one.broker.openWriter("w");
        const turn = other.broker.claim(where, never);
        one.process.freeze(20_000);
        await turn;
        expect(scheduler.now).toBeGreaterThan(6_000);
        expect(scheduler.now).toBeLessThan(10_000);
        await expect(writer.commit([record("zombie")], { claim, offset: 1 })).rejects.toThrow(Fenced);
        await scheduler.sleep(2_000);
        expect(claim.lost.aborted).toBe(true);
      })(),
    );
    expect(cluster.group("w").offset).toBeUndefined();
  });

  test("a dead process's work never goes on", async () => {
    const { scheduler, process } = bed();
    const { process: dying, broker } = process("a");
    let wentOn = false;
    await scheduler.drive(
      (async () => {
        void broker.openWriter("w").then(() => {
          wentOn = true;
        });
        dying.kill();
        await scheduler.sleep(60_000);
      })(),
    );
    expect(wentOn).toBe(false);
  });
});
