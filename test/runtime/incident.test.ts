import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { clearHalt, noteHalt, readHalts, STAGES, type StageName } from "../../runtime/incident.ts";
import { describeIncident } from "../../runtime/incident-text.ts";
import type { BlockHash, BlockRef, ChainName } from "../../stream/block.ts";
import { BrokerUnreachable, OffsetOutOfRange, TopicEmptied } from "../../stream/kafka/errors.ts";
import type { Incident } from "../../stream/kafka/incident.ts";

const chain = "ethereum" as ChainName;
let home = "";
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "sluice-incident-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const place = (stage: StageName) => ({ home, chain, stage });

function halt(stage: StageName, error: Error): Promise<unknown> {
  return noteHalt(place(stage), () => Promise.reject(error)).catch((thrown: unknown) => thrown);
}

describe("a halt", () => {
  test("of whatever stage stays until that stage works again", async () => {
    const error = new OffsetOutOfRange("t", 7);
    for (const stage of [...STAGES].reverse()) expect(await halt(stage, error)).toBe(error);
    expect(readHalts(home, chain)).toEqual(STAGES.map((stage) => ({ stage, reason: error.message })));
    expect(readHalts(home, "bitcoin" as ChainName)).toEqual([]);

    let working: unknown;
    await noteHalt(place("flows"), async () => {
      working = readHalts(home, chain).map(({ stage }) => stage);
    });
    expect(working).toEqual(["ingest", "gate", "aggregate", "postgres", "parquet"]);
    clearHalt(place("gate"));
    expect(readHalts(home, chain).map(({ stage }) => stage)).toEqual([
      "ingest",
      "aggregate",
      "postgres",
      "parquet",
    ]);
  });

  test("is what ends a stage with exit code 3, no other error", async () => {
    await halt("flows", new BrokerUnreachable("localhost:9092"));
    await halt("flows", new Error("a bug"));
    expect(readHalts(home, chain)).toEqual([]);
    await halt("flows", new TopicEmptied("final"));
    expect(readHalts(home, chain)).toEqual([{ stage: "flows", reason: new TopicEmptied("final").message }]);
  });

  test("is told by its own error where the home takes no word of it", async () => {
    const error = new TopicEmptied("final");
    const ending = noteHalt(place("flows"), async () => {
      writeFileSync(join(home, "incidents"), "a file in the folder's place");
      throw error;
    });
    await expect(ending).rejects.toBe(error);
  });
});

const block = (height: number, branch: string): BlockRef => ({
  height,
  hash: `${branch}${height}` as BlockHash,
});

const VIOLATION: Incident = {
  kind: "finality violation",
  rival: block(26, "b"),
  released: block(26, "a"),
  rawOffset: 62,
  announcedMs: Date.UTC(2026, 10, 28),
  fork: block(25, "a"),
  newest: block(33, "a"),
  message: "",
};

describe("an incident's text", () => {
  const SEEN = [
    "ethereum: halted by a finality violation",
    "  released   26 a26",
    "  announced  26 b26 (raw offset 62, 2026-11-28T00:00:00.000Z)",
  ];

  test("tells both ways out, since only the operator knows which branch is the chain", () => {
    expect(describeIncident({ chain, incident: VIOLATION, halts: [] }).split("\n")).toEqual([
      ...SEEN,
      "  both build on 25 a25",
      "  if the chain is right to have left block 26: stop its stages, then sluice rewind ethereum --to 25 --yes",
      "  if its node lied: stop its stages, take that node out, and run sluice ingest ethereum alone until sluice incident says that the node's chain builds on all that is final again",
    ]);
  });

  test("tells the rewind that takes nothing back, once the honest chain is announced", () => {
    const announced = { ...VIOLATION, fork: block(33, "a") };
    expect(describeIncident({ chain, incident: announced, halts: [] }).split("\n")).toEqual([
      ...SEEN,
      "  both build on 33 a33",
      "  the node's chain builds on all that is final again: stop its stages, then sluice rewind ethereum --to 33 --yes takes nothing back",
    ]);
  });

  test("tells a node that lied from one of another chain, where no block of both is known", () => {
    const apart = { ...VIOLATION, fork: undefined };
    expect(describeIncident({ chain, incident: apart, halts: [] }).split("\n").slice(3)).toEqual([
      "  none of the newest thousand final blocks is of both branches: is the node one of this chain?",
      expect.stringContaining("  if its node lied: stop its stages"),
    ]);
  });

  test("names every stage that halted, with its own reason", () => {
    const halts = [
      { stage: "flows", reason: "one" },
      { stage: "parquet", reason: "two" },
    ] as const;
    expect(describeIncident({ chain, incident: null, halts })).toBe(
      "ethereum: halted at flows: one\nethereum: halted at parquet: two",
    );
    expect(describeIncident({ chain, incident: VIOLATION, halts }).split("\n").slice(-2)).toEqual([
      "ethereum: halted at flows: one",
      "ethereum: halted at parquet: two",
    ]);
    expect(describeIncident({ chain, incident: null, halts: [] })).toBe("ethereum: no incident");
  });
});
