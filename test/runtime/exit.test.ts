import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ProofFailed } from "../../ingest/nodes.ts";
import { ConfigInvalid } from "../../runtime/config.ts";
import { EXIT, EXIT_CODES, exitCodeOf, InvalidUsage, isUnforeseen } from "../../runtime/exit.ts";
import { ServiceFailed } from "../../runtime/services/errors.ts";
import type { BlockHash } from "../../stream/block.ts";
import { BrokerUnreachable, Fenced } from "../../stream/kafka/errors.ts";

test("each cause has the code that the contract gives it", () => {
  const block = { height: 1, hash: "0x01" as BlockHash };
  const causes: readonly (readonly [Error, number])[] = [
    [new InvalidUsage("no"), 2],
    [new ConfigInvalid("sluice.json", "no"), 2],
    [new BrokerUnreachable("127.0.0.1:9"), 4],
    [new ServiceFailed("Kafka", "no"), 4],
    [new ProofFailed({ proof: "receipts", block, node: "a", reason: "no", waivable: true }), 5],
    [new Fenced("gate-ethereum"), 1],
    [new TypeError("no"), 1],
  ];
  expect(causes.map(([error]) => exitCodeOf(error))).toEqual(causes.map(([, code]) => code));
  expect(exitCodeOf("thrown text")).toBe(EXIT.bug);
});

test("the codes of all classes are those of the contract, and no other class has one", () => {
  expect(EXIT).toEqual({ done: 0, bug: 1, usage: 2, halted: 3, unreachable: 4, unproven: 5 });
  expect(Object.fromEntries(EXIT_CODES)).toEqual({
    InvalidUsage: 2,
    ConfigInvalid: 2,
    CatalogInvalid: 2,
    TopicMisconfigured: 2,
    DatabaseUrlInvalid: 2,
    ChainKindChanged: 2,
    BlobScheduleUnknown: 2,
    UntilBelowBeginning: 2,
    MigrationChanged: 2,
    MigrationFailed: 2,
    QueryFailed: 2,
    DayNotComplete: 2,
    AssetUnknown: 2,
    RewindImpossible: 2,
    StagesRunning: 2,
    FinalityViolation: 3,
    AnnouncementGap: 3,
    OffsetOutOfRange: 3,
    OffsetMoved: 3,
    TopicEmptied: 3,
    OrderBroken: 3,
    DayClosed: 3,
    NodesUnreachable: 4,
    BrokerUnreachable: 4,
    DatabaseUnreachable: 4,
    LakeUnwritable: 4,
    ServiceFailed: 4,
    ProofFailed: 5,
    StoresDiffer: 1,
    DayUnreadable: 1,
    Fenced: 1,
    CommitInDoubt: 1,
    TopicMissing: 1,
  });
});

test("only what nobody foresaw needs its stack", () => {
  expect([new Fenced("gate-ethereum"), new InvalidUsage("no")].map(isUnforeseen)).toEqual([false, false]);
  expect([new RangeError("no"), "thrown text"].map(isUnforeseen)).toEqual([true, true]);
});

test("every class that has a code is there", () => {
  const folders = ["ingest", "runtime", "stream", "warehouse"];
  const sources = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => readFileSync(join(folder, file), "utf8")),
  );
  const isThere = (name: string) =>
    sources.some((text) => text.includes(`class ${name} extends Error`) && text.includes(`name = "${name}"`));
  expect([...EXIT_CODES.keys()].filter((name) => !isThere(name))).toEqual([]);
});
