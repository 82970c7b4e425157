import { describe, expect, test } from "vitest";
import { faultsOf, type StandingTopic, settingsOf } from "../../../stream/kafka/settings.ts";
import type { TopicSpec } from "../../../stream/kafka/topics.ts";

const RAW: TopicSpec = { name: "ethereum.blocks.raw.v1", cleanup: "delete", replication: 1 };
const EXCHANGE_FLOWS: TopicSpec = { name: "ethereum.exchange-flows.v1", cleanup: "compact", replication: 3 };

/** The topic as Sluice makes it, with other `settings` (own ones unless `inherited`). */
function standing(
  spec: TopicSpec,
  other: { settings?: Record<string, string>; inherited?: boolean; replicas?: number[][] } = {},
): StandingTopic {
  const own = other.inherited !== true;
  const all = Object.entries({ ...settingsOf(spec), ...other.settings });
  return {
    brokers: "kafka:9092",
    nodes: [1, 2, 3, 4],
    replicas: other.replicas ?? [[3, 1, 2].slice(0, spec.replication)],
    settings: new Map(all.map(([name, value]) => [name, { value, own }])),
  };
}

describe("a topic is made", () => {
  test("for ever, with room for the largest message and its envelope, in the broker's time", () => {
    expect(settingsOf(RAW)).toEqual({
      "cleanup.policy": "delete",
      "retention.ms": "-1",
      "retention.bytes": "-1",
      "max.message.bytes": "33619968",
      "message.timestamp.type": "LogAppendTime",
      "compression.type": "zstd",
    });
  });

  test("with hourly segments where it is compacted, since only closed ones are", () => {
    expect(settingsOf(EXCHANGE_FLOWS)).toMatchObject({
      "cleanup.policy": "compact",
      "segment.ms": "3600000",
      "segment.bytes": "67108864",
    });
  });

  test("with two disks that must have each record where it has three replicas", () => {
    const inSync = (replication: number) => settingsOf({ ...RAW, replication })["min.insync.replicas"];
    expect([1, 2, 3, 4].map(inSync)).toEqual([undefined, undefined, "2", "2"]);
  });
});

describe("a standing topic is taken", () => {
  test.each([
    ["as Sluice makes it", RAW, {}],
    ["compacted", EXCHANGE_FLOWS, {}],
    ["with a retention of its own", RAW, { settings: { "retention.ms": "86400000" } }],
    ["with compression left to the producer", RAW, { settings: { "compression.type": "producer" } }],
    ["with exactly 32 MiB", RAW, { settings: { "max.message.bytes": "33554432" } }],
    ["with more replicas", RAW, { replicas: [[1, 2, 3]] }],
    [
      "with three disks that must have each record",
      EXCHANGE_FLOWS,
      { settings: { "min.insync.replicas": "3" } },
    ],
    ["with other segments", EXCHANGE_FLOWS, { settings: { "segment.ms": "100" } }],
  ])("%s", (_, spec, other) => {
    expect(faultsOf(spec, standing(spec, other))).toEqual([]);
  });
});

describe("a standing topic is refused, with what mends it", () => {
  const alter = "kafka-configs.sh --bootstrap-server kafka:9092 --alter --entity-type topics --entity-name";

  test("when its records would go: retention that nobody asked for", () => {
    const topic = standing(RAW, { settings: { "retention.ms": "604800000" }, inherited: true });
    expect(faultsOf(RAW, topic)).toEqual([
      {
        reason: "has retention.ms=604800000",
        remedy: `${alter} ethereum.blocks.raw.v1 --add-config retention.ms=-1`,
      },
    ]);
  });

  test("when several settings are wrong, all in one command", () => {
    const topic = standing(EXCHANGE_FLOWS, {
      settings: {
        "cleanup.policy": "delete",
        "max.message.bytes": "1048588",
        "message.timestamp.type": "CreateTime",
      },
    });
    expect(faultsOf(EXCHANGE_FLOWS, topic)).toEqual([
      {
        reason: "has cleanup.policy=delete, max.message.bytes=1048588, message.timestamp.type=CreateTime",
        remedy:
          `${alter} ethereum.exchange-flows.v1 --add-config ` +
          "cleanup.policy=compact,max.message.bytes=33619968,message.timestamp.type=LogAppendTime",
      },
    ]);
  });

  test("when one disk of three is enough for a record", () => {
    const topic = standing(EXCHANGE_FLOWS, { settings: { "min.insync.replicas": "1" } });
    expect(faultsOf(EXCHANGE_FLOWS, topic)).toEqual([
      {
        reason: "has min.insync.replicas=1",
        remedy: `${alter} ethereum.exchange-flows.v1 --add-config min.insync.replicas=2`,
      },
    ]);
  });

  test("when it has more than one partition", () => {
    expect(faultsOf(RAW, standing(RAW, { replicas: [[1], [1]] }))).toEqual([
      {
        reason: "has 2 partitions; a chain is one order, so it must have 1",
        remedy:
          "kafka-topics.sh --bootstrap-server kafka:9092 --delete --topic ethereum.blocks.raw.v1 " +
          "(it is made anew), or set another kafka.topicPrefix",
      },
    ]);
  });

  test("when it has too few replicas", () => {
    expect(faultsOf(EXCHANGE_FLOWS, standing(EXCHANGE_FLOWS, { replicas: [[2]] }))).toEqual([
      {
        reason: "has 1 replicas, kafka.replication says 3",
        remedy:
          "kafka-reassign-partitions.sh --bootstrap-server kafka:9092 --execute --reassignment-json-file " +
          `<(echo '{"version":1,"partitions":[{"topic":"ethereum.exchange-flows.v1","partition":0,"replicas":[2,1,3]}]}')`,
      },
    ]);
  });
});
