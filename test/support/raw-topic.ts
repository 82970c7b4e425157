import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import type { BlockHeader } from "../../stream/block.ts";
import type { Broker } from "../../stream/kafka/broker.ts";
import { openBroker } from "../../stream/kafka/client.ts";

const PATIENCE_MS = 90_000;

/** Announcements as they stand in a raw topic, read from its beginning. */
export interface RawTopic {
  readonly announced: readonly BlockHeader[];
  /** Resolves when the newest announcement is `hash`. */
  untilHead(hash: string): Promise<void>;
  close(): Promise<void>;
}

/** Follows `topic` of the cluster at `brokers`; the topic may not be there yet. */
export async function followRaw(brokers: string, topic: string): Promise<RawTopic> {
  const broker = await openBroker({ brokers, security: {}, log: pino({ level: "silent" }) });
  const announced: BlockHeader[] = [];
  let open = true;
  const reading = (async () => {
    await whenThere(broker, topic, () => open);
    if (!open) return;
    const reader = await broker.openReader(topic, 0);
    while (open) {
      for (const { headers } of await reader.read()) {
        announced.push({
          height: Number(headers["height"]),
          hash: headers["hash"] as BlockHeader["hash"],
          parent: headers["parent"] as BlockHeader["hash"],
          time: Number(headers["time"]),
        });
      }
    }
    await reader.close();
  })();
  return {
    announced,
    untilHead: (hash) => untilHead(announced, hash),
    close: async () => {
      open = false;
      await reading;
      await broker.close();
    },
  };
}

async function untilHead(announced: readonly BlockHeader[], hash: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (announced.at(-1)?.hash !== hash) {
    if (performance.now() > end) {
      const newest = announced.at(-1);
      throw new Error(`raw never came to ${hash}; its newest block is ${newest?.height} ${newest?.hash}`);
    }
    await sleep(20);
  }
}

async function whenThere(broker: Broker, topic: string, wanted: () => boolean): Promise<void> {
  while (wanted()) {
    const there = await broker.bounds(topic).then(
      () => true,
      () => false,
    );
    if (there) return;
    await sleep(100);
  }
}
