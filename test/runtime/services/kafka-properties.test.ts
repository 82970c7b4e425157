import { expect, test } from "vitest";
import { kafkaProperties, type NodePorts } from "../../../runtime/services/kafka-properties.ts";

function settingsOf(...place: Parameters<typeof kafkaProperties>): ReadonlyMap<string, string> {
  const lines = kafkaProperties(...place)
    .trimEnd()
    .split("\n");
  return new Map(lines.map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]));
}

const nodes: readonly NodePorts[] = [1, 2, 3].map((id) => ({
  brokerPort: 9000 + id,
  controllerPort: 9100 + id,
}));

test("a node alone keeps one copy of everything and votes alone", () => {
  const settings = settingsOf({ brokerPort: 9001, controllerPort: 9101, dataFolder: "/data" });
  expect(settings.get("controller.quorum.voters")).toBe("1@127.0.0.1:9101");
  for (const name of ["default", "offsets.topic", "transaction.state.log"])
    expect([name, settings.get(`${name}.replication.factor`)]).toEqual([name, "1"]);
  expect(settings.get("transaction.state.log.min.isr")).toBe("1");
});

test("of three each knows all, keeps three copies, and writes where two have them", () => {
  const settings = settingsOf({
    brokerPort: 9002,
    controllerPort: 9102,
    dataFolder: "/data",
    seat: { id: 2, nodes },
  });
  expect(settings.get("node.id")).toBe("2");
  expect(settings.get("controller.quorum.voters")).toBe("1@127.0.0.1:9101,2@127.0.0.1:9102,3@127.0.0.1:9103");
  for (const name of ["default", "offsets.topic", "transaction.state.log"])
    expect([name, settings.get(`${name}.replication.factor`)]).toEqual([name, "3"]);
  expect(settings.get("min.insync.replicas")).toBe("2");
  expect(settings.get("transaction.state.log.min.isr")).toBe("2");
});
