import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openBroker } from "../../../stream/kafka/client.ts";
import { topicSpecs } from "../../../stream/kafka/topics.ts";
import { removeHome, temporaryHome } from "../../services.ts";
import { type Server, startBrokers } from "../../support/servers.ts";
import { startProgram } from "./program.ts";

/** DESIGN §1: a stage is gone so long after SIGTERM. */
const GONE_MS = 10_000;
/** A transaction takes milliseconds: by then one hangs. */
const HANGS_MS = 1000;

const topic = "t.blocks.raw.v1";
const home = temporaryHome("ending");
let server: Server;

beforeAll(async () => {
  const [only] = await startBrokers(home, 1);
  if (only === undefined) throw new Error("no broker");
  server = only;
  const edge = { brokers: server.address, security: {}, log: pino({ enabled: false }) };
  const broker = await openBroker(edge);
  await broker.ensureTopics(topicSpecs([topic], 1));
  await broker.close();
});

afterAll(async () => {
  await server?.stop();
  removeHome(home);
});

/** Three stages of one process, each of which writes one transaction after the other until it is told to end. */
const STAGES = `
  const stopping = new AbortController();
  process.on("SIGTERM", () => stopping.abort());
  const broker = await open({ debug: () => {} }, stopping.signal);
  const record = { topic: where.topic, key: "k", value: Buffer.from("v") };
  const stage = async (number) => {
    const group = where.group + number;
    const claim = await broker.claim({ group, topic: where.topic }, stopping.signal);
    const writer = await broker.openWriter(group);
    const work = async () => {
      for (let offset = 0; !stopping.signal.aborted; offset += 1) {
        await writer.commit([record], { claim, offset });
        if (offset === 0) console.log("stage " + number + " works");
      }
    };
    await work().catch(() => {});
    for (const open of [writer, claim]) await open.close();
  };
  await Promise.all([1, 2, 3].map(stage));
  await broker.close();
  leave(0);
`;

test.each([
  ["killed", (whileAway: () => Promise<unknown>) => server.kill(whileAway)],
  ["frozen", (whileAway: () => Promise<unknown>) => freezeDuring(whileAway)],
])(
  "stages that are told to end in the middle of a transaction are gone although their broker is %s",
  async (how, strike) => {
    const stage = startProgram(server.address, { group: how, topic }, STAGES);
    try {
      const said = [await stage.line(), await stage.line(), await stage.line()];
      expect(said.sort()).toEqual(["stage 1 works", "stage 2 works", "stage 3 works"]);
      let end: unknown;
      await strike(async () => {
        await sleep(HANGS_MS);
        stage.kill("SIGTERM");
        // Judged when the broker is there again, for the next test's sake.
        end = await once(stage.child, "exit", { signal: AbortSignal.timeout(GONE_MS) }).catch(String);
      });
      expect(end).toEqual([0, null]);
    } finally {
      stage.kill("SIGKILL");
    }
  },
);

/** Longer than the stage may take. */
async function freezeDuring(whileAway: () => Promise<unknown>): Promise<void> {
  await Promise.all([server.freeze(HANGS_MS + GONE_MS), whileAway()]);
}
