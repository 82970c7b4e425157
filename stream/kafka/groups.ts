import { setTimeout as sleep } from "node:timers/promises";
import kafkajs, { type Admin } from "kafkajs";
import { isOutage, kafkaConfig } from "./admin.ts";
import { BrokerUnreachable } from "./errors.ts";
import type { Edge } from "./rd.ts";
import { OUTAGE_MS } from "./session.ts";

/** The rest between two tries. */
const RETRY_MS = 200;

/** Consumer groups seen from outside, without joining them. */
export interface Groups {
  /** Those of `groups` that have a living member, waiting ones included. */
  living(groups: readonly string[]): Promise<readonly string[]>;
  /** What a group has committed on the one partition of a topic; undefined: nothing. */
  committed(where: { readonly group: string; readonly topic: string }): Promise<number | undefined>;
  close(): Promise<void>;
}

/** Opens the view of a cluster's groups. Throws `BrokerUnreachable`, as its calls do. */
export async function openGroups(edge: Edge): Promise<Groups> {
  const admin = new kafkajs.Kafka(kafkaConfig(edge)).admin();
  const ask = async <T>(question: (admin: Admin) => Promise<T>): Promise<T> => {
    for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
      try {
        return await question(admin);
      } catch (error) {
        // What may pass counts as an outage too, once it has lasted as long as one.
        if (!isPassing(error) || waitedMs >= OUTAGE_MS)
          throw isOutage(error) ? new BrokerUnreachable(edge.brokers, { cause: error }) : error;
        await sleep(RETRY_MS);
      }
    }
  };
  await ask((one) => one.connect());
  return {
    living: async (groups) => {
      const { groups: found } = await ask((one) => one.describeGroups([...groups]));
      return found.filter((group) => group.members.length > 0).map((group) => group.groupId);
    },
    committed: async ({ group, topic }) => {
      const found = await ask((one) => one.fetchOffsets({ groupId: group, topics: [topic] }));
      const offset = Number(found[0]?.partitions[0]?.offset ?? -1);
      return offset < 0 ? undefined : offset;
    },
    close: () => admin.disconnect(),
  };
}

/** A broker that has just started loads its groups first. */
function isPassing(error: unknown): boolean {
  return error instanceof kafkajs.KafkaJSProtocolError && error.retriable;
}
