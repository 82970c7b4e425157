import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { BrokerUnreachable } from "../../../stream/kafka/errors.ts";
import type { RdConsumer } from "../../../stream/kafka/rd.ts";
import { CALL_MS, type Done, OUTAGE_MS, Session } from "../../../stream/kafka/session.ts";

/** A client whose connection is always there. */
const client = {
  on: () => client,
  connect: (_: unknown, done: Done<unknown>) => done(null, {}),
  disconnect: (done: Done<unknown>) => done(null, {}),
} as unknown as RdConsumer;

const never = () => {};
/** A step and a timer's delay. */
const SLACK_MS = 1000;

function openSession(signal: AbortSignal): Promise<Session<RdConsumer>> {
  const log = pino({ enabled: false });
  return Session.open({ brokers: "b:1", security: {}, log, signal }, () => client);
}

describe.concurrent("a call that does not return", () => {
  test("is an outage after as long as one lasts, and does not hold up the session's end", async () => {
    const session = await openSession(new AbortController().signal);
    const began = performance.now();
    await expect(session.callWithin(never)).rejects.toThrow(BrokerUnreachable);
    expect(performance.now() - began).toBeGreaterThan(OUTAGE_MS);
    await session.close();
  });

  test("is given up soon by a process that is to end", async () => {
    const stopping = new AbortController();
    const session = await openSession(stopping.signal);
    const began = performance.now();
    setTimeout(() => stopping.abort(), 100);
    await expect(session.callWithin(never)).rejects.toThrow(BrokerUnreachable);
    expect(performance.now() - began).toBeLessThan(CALL_MS + SLACK_MS);
    await session.close();
  });
});

test("a call that returns does so with its value or its error", async () => {
  const session = await openSession(new AbortController().signal);
  expect(await session.callWithin<number>((done) => done(null, 7))).toBe(7);
  const error = Object.assign(new Error("no"), { code: 1 });
  await expect(session.callWithin((done) => done(error as never, undefined))).rejects.toBe(error);
  await session.close();
});
