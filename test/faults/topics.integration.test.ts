import type { Admin } from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KafkaService } from "../../runtime/services/kafka.ts";
import type { PostgresService } from "../../runtime/services/postgres.ts";
import { type ChainBlock, grow, simulateChain } from "../chain/chain.ts";
import { type SimulatedNode, startNode } from "../chain/node.ts";
import { removeHome, temporaryHome, testKafka, testPostgres } from "../services.ts";
import { sluice } from "../support/sluice.ts";
import {
  alterTopic,
  type Bed,
  boundsOf,
  CONFIRMATIONS,
  committedOf,
  ends,
  expire,
  makeBed,
  moveOffset,
  openAdmin,
  runUntil,
  START,
  storesOf,
} from "./bed.ts";

/** One pipeline goes through all faults, one after the other: each test but the last leaves it as good as new. */
const homes = [temporaryHome("faults"), temporaryHome("untouched")] as const;
let tip: ChainBlock = grow(simulateChain({ start: START }), 10);
let node: SimulatedNode;
let kafka: KafkaService;
let postgres: PostgresService;
let admin: Admin;
let bed: Bed;

beforeAll(async () => {
  [kafka, postgres] = await Promise.all([testKafka(), testPostgres()]);
  node = await startNode(tip);
  admin = await openAdmin(kafka.brokers);
  bed = await makeBed("faults", placeOf(homes[0]));
  await runUntil(bed, finalHeight());
});

afterAll(async () => {
  await admin?.disconnect();
  await node?.close();
  await Promise.all([kafka?.stop(), postgres?.stop()]);
  for (const home of homes) removeHome(home);
});

const placeOf = (home: string) => ({ home, brokers: kafka.brokers, postgres: postgres.url, node: node.url });
const finalHeight = () => tip.height - CONFIRMATIONS + 1;

const until = () => ["--until", `ethereum=${finalHeight()}`];

function growBy(count: number): void {
  tip = grow(tip, count);
  node.follow(tip);
}

/** The settings that a refusal asks for, as its command names them. */
function asked(refusal: string): Record<string, string> {
  const [, list = ""] = /--add-config (\S+)$/m.exec(refusal) ?? [];
  return Object.fromEntries(list.split(",").map((one) => one.split("=") as [string, string]));
}

test("a setting that somebody changed: each stage of the topic ends with 2 and the command that mends it", async () => {
  const { raw } = bed.topicsOf("ethereum");
  await alterTopic(admin, raw, { "cleanup.policy": "compact", "retention.ms": undefined });
  const [refusal = "", otherwise] = await Promise.all(
    ["gate", "ingest"].map((stage) => ends(bed, [stage, "ethereum"], 2)),
  );
  expect(refusal).toContain("has cleanup.policy=compact, retention.ms=");
  expect(otherwise).toBe(refusal);
  expect(asked(refusal)).toEqual({ "cleanup.policy": "delete", "retention.ms": "-1" });
  await alterTopic(admin, raw, asked(refusal));
  await ends(bed, ["gate", "ethereum", ...until()], 0);
});

test("records that no stage needs any more expired, and offsets put back: nothing is amiss", async () => {
  const { raw, final, flows } = bed.topicsOf("ethereum");
  await expire(admin, raw, await committedOf(admin, bed.groupOf("gate", "ethereum"), raw));
  for (const [stage, topic] of [
    ["gate", raw],
    ["flows", final],
    ["aggregate", flows],
  ] as const) {
    const { low: offset } = await boundsOf(admin, topic);
    await moveOffset(bed, bed.groupOf(stage, "ethereum"), { topic, offset });
  }
  growBy(1);
  await runUntil(bed, finalHeight());
});

test("the gate's offset put ahead: it ends with 3, and a rewind to the newest final block mends it", async () => {
  const { raw } = bed.topicsOf("ethereum");
  const stood = finalHeight();
  growBy(2);
  const { high: offset } = await boundsOf(admin, raw);
  await moveOffset(bed, bed.groupOf("gate", "ethereum"), { topic: raw, offset });
  const refusal = await ends(bed, ["run"], 3);
  expect(refusal).toMatch(
    /the offset was moved; .* sluice rewind ethereum --to <its newest final height> --yes/,
  );
  await ends(bed, ["rewind", "ethereum", "--to", String(stood), "--yes"], 0);
  for (const stage of ["ingest", "gate", "flows", "aggregate"])
    await ends(bed, [stage, "ethereum", ...until()], 0);
});

test("offsets of flows and aggregate put ahead: they end with 3, `incident` and `status` say so until a reset to the earliest mended it", async () => {
  const { final, flows } = bed.topicsOf("ethereum");
  for (const [stage, topic] of [
    ["flows", final],
    ["aggregate", flows],
  ] as const) {
    const group = bed.groupOf(stage, "ethereum");
    const { low, high } = await boundsOf(admin, topic);
    growBy(2);
    await ends(bed, ["ingest", "ethereum", ...until()], 0);
    await ends(bed, ["gate", "ethereum", ...until()], 0);
    if (stage === "aggregate") await ends(bed, ["flows", "ethereum", ...until()], 0);
    // Behind the first of the two new records.
    await moveOffset(bed, group, { topic, offset: high + 1 });
    const remedy = `--group ${group} --all-topics --reset-offsets --to-earliest`;
    expect(await ends(bed, [stage, "ethereum"], 3)).toContain(remedy);
    const incident = await sluice(["incident"], bed.env);
    expect(incident).toContain(`ethereum: halted at ${stage}: group ${group} stands at offset`);
    expect(incident).toContain(remedy);
    expect(await sluice(["status"], bed.env)).toContain(`ethereum halted at ${stage}: group ${group}`);
    await moveOffset(bed, group, { topic, offset: low });
    await ends(bed, [stage, "ethereum", ...until()], 0);
  }
  expect(await sluice(["incident"], bed.env)).toBe("ethereum: no incident\n");
});

test("after all that, both stores are those of a pipeline that nobody touched", async () => {
  const other = await makeBed("untouched", placeOf(homes[1]));
  await Promise.all([runUntil(other, finalHeight()), runUntil(bed, finalHeight())]);
  const expected = await storesOf(other);
  expect(expected["blocks"]).toHaveLength(finalHeight() - START + 1);
  expect(await storesOf(bed)).toEqual(expected);
});

test("records of raw that the gate needs expired: it ends with 3, and nothing is written", async () => {
  const { raw } = bed.topicsOf("ethereum");
  const before = await storesOf(bed);
  await expire(admin, raw, (await committedOf(admin, bed.groupOf("gate", "ethereum"), raw)) + 1);
  growBy(1);
  const refusal = await ends(bed, ["run"], 3);
  expect(refusal).toMatch(
    /blocks\.raw\.v1 does not hold offset \d+ any more; restore the topic, or start with/,
  );
  expect(await storesOf(bed)).toEqual(before);
});
