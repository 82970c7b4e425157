import kafkajs, { type Admin } from "kafkajs";
import { pino } from "pino";
import { afterEach, expect, test, vi } from "vitest";
import { BrokerUnreachable } from "../../../stream/kafka/errors.ts";
import { openGroups } from "../../../stream/kafka/groups.ts";

const EDGE = { brokers: "127.0.0.1:1", security: {}, log: pino({ enabled: false }) };
const GATE = { group: "sluice.gate.bitcoin", topic: "bitcoin.blocks.raw.v1" };
const OFFSETS = [{ topic: GATE.topic, partitions: [{ partition: 0, offset: "7", metadata: null }] }];

const loading = Object.assign(
  new kafkajs.KafkaJSProtocolError("The coordinator is loading and hence can't process requests"),
  { retriable: true },
);
const denied = Object.assign(new kafkajs.KafkaJSProtocolError("Not authorized to access group"), {
  retriable: false,
});
const away = new kafkajs.KafkaJSConnectionError("Connection error: connect ECONNREFUSED");

/** A cluster whose groups answer by `fetchOffsets`. */
function groupsOf(fetchOffsets: Admin["fetchOffsets"]) {
  const admin = { connect: async () => undefined, fetchOffsets } as Partial<Admin> as Admin;
  vi.spyOn(kafkajs.Kafka.prototype, "admin").mockReturnValue(admin);
  return openGroups(EDGE);
}

afterEach(() => {
  vi.restoreAllMocks();
});

test("a broker that loads its groups is asked again", async () => {
  const answers = vi
    .fn<Admin["fetchOffsets"]>()
    .mockRejectedValueOnce(loading)
    .mockRejectedValueOnce(loading)
    .mockResolvedValue(OFFSETS);
  const groups = await groupsOf(answers);
  expect(await groups.committed(GATE)).toBe(7);
  expect(answers).toHaveBeenCalledTimes(3);
});

test.each([
  { what: "a broker that is away", error: away, outcome: BrokerUnreachable },
  { what: "a refusal", error: denied, outcome: kafkajs.KafkaJSProtocolError },
])("$what is told at once", async ({ error, outcome }) => {
  const answers = vi.fn<Admin["fetchOffsets"]>().mockRejectedValue(error);
  const groups = await groupsOf(answers);
  await expect(groups.committed(GATE)).rejects.toBeInstanceOf(outcome);
  expect(answers).toHaveBeenCalledTimes(1);
});
