import { pino } from "pino";
import type { ChainName } from "../../stream/block.ts";
import { WATERMARK_KEY } from "../../stream/flow/json.ts";
import type { Broker, KafkaRecord } from "../../stream/kafka/broker.ts";
import { openBroker } from "../../stream/kafka/client.ts";
import { chainTopics } from "../../stream/kafka/topics.ts";
import type { TrueBlock } from "./chains.ts";

/** An announcement as raw holds it. */
interface Announcement {
  readonly offset: number;
  readonly height: number;
  readonly hash: string;
  readonly parent: string;
}

/** A reorg as the raw topic alone tells it, in the words of the table `reorgs`. */
export interface TrueReorg {
  readonly raw_offset: string;
  readonly old_tip_hash: string;
  readonly new_tip_hash: string;
  readonly ancestor_hash: string;
  readonly depth: number;
}

/** What the topics of a chain say, worked out naively. */
export interface TopicsReport {
  readonly announced: number;
  readonly reorgs: readonly TrueReorg[];
  /** Hashes of all blocks that left the chain and did not come back. */
  readonly orphaned: ReadonlySet<string>;
  readonly findings: readonly string[];
}

/** Reads a chain's topics whole, and holds them to the true chain: nothing lost, nothing doubled, all in order. */
export async function readTopics(
  brokers: string,
  chain: ChainName,
  truth: { readonly final: readonly TrueBlock[]; readonly head: TrueBlock },
): Promise<TopicsReport> {
  const broker = await openBroker({ brokers, security: {}, log: pino({ level: "silent" }) });
  try {
    const topics = chainTopics("", chain);
    const raw = (await readAll(broker, topics.raw)).map(announcementOf);
    const { reorgs, orphaned, findings } = replay(raw);
    const wanted = truth.final.map(({ height, hash }) => `${height} ${hash}`);
    const final = (await readAll(broker, topics.final)).map(
      ({ key, headers }) => `${headers["height"]} ${key}`,
    );
    const flows = (await readAll(broker, topics.flows)).map((record) => placeOf(record));
    const marks = (await readAll(broker, topics.exchangeFlows))
      .filter(({ key }) => key === WATERMARK_KEY)
      .map((record) => placeOf(record));
    const told = await readAll(broker, topics.reorgs);
    return {
      announced: raw.length,
      reorgs,
      orphaned,
      findings: [
        ...findings,
        ...differences(`${topics.raw}'s head`, [raw.at(-1)?.hash ?? ""], [truth.head.hash]),
        ...differences(topics.final, final, wanted),
        ...differences(topics.flows, flows, wanted),
        ...differences(`marks of ${topics.exchangeFlows}`, marks, wanted),
        ...differences(topics.reorgs, [String(told.length)], [String(reorgs.length)]),
      ],
    };
  } finally {
    await broker.close();
  }
}

/** The first place where `found` is not `wanted`, in words; none where they are equal. */
export function differences(
  what: string,
  found: readonly string[],
  wanted: readonly string[],
): readonly string[] {
  const length = Math.max(found.length, wanted.length);
  for (let index = 0; index < length; index += 1) {
    if (found[index] === wanted[index]) continue;
    const counts = `${found.length} for ${wanted.length}`;
    return [`${what} (${counts}): place ${index} is ${found[index]}, not ${wanted[index]}`];
  }
  return [];
}

async function readAll(broker: Broker, topic: string): Promise<readonly KafkaRecord[]> {
  const { low, high } = await broker.bounds(topic);
  const reader = await broker.openReader(topic, low);
  const records: KafkaRecord[] = [];
  while (reader.position() < high) {
    // Values of block topics are not kept: they are large, and `verify` proves them.
    const keepsValue = !topic.includes(".blocks.");
    for (const record of await reader.read()) records.push(keepsValue ? record : { ...record, value: null });
  }
  await reader.close();
  return records;
}

function announcementOf({ offset, headers }: KafkaRecord): Announcement {
  const [hash, parent] = [String(headers["hash"]), String(headers["parent"])];
  return { offset, height: Number(headers["height"]), hash, parent };
}

function placeOf({ value }: KafkaRecord): string {
  const { height, hash } = JSON.parse(Buffer.from(value ?? []).toString("utf8")) as TrueBlock;
  return `${height} ${hash}`;
}

/** The whole chain as a list: what the gate must have seen, by the plainest of ways. */
function replay(raw: readonly Announcement[]): Pick<TopicsReport, "reorgs" | "orphaned" | "findings"> {
  const branch: Announcement[] = [];
  const reorgs: TrueReorg[] = [];
  const orphaned = new Set<string>();
  for (const block of raw) {
    if (branch.some(({ hash }) => hash === block.hash)) continue;
    const place = branch.findIndex(({ hash }) => hash === block.parent);
    const ancestor = branch[place];
    const tip = branch.at(-1);
    if (tip !== undefined && ancestor === undefined)
      return { reorgs, orphaned, findings: [`raw ${block.offset} has a parent that was never announced`] };
    if (tip !== undefined && ancestor !== undefined && ancestor !== tip) {
      const gone = branch.splice(place + 1);
      for (const { hash } of gone) orphaned.add(hash);
      reorgs.push({
        raw_offset: String(block.offset),
        old_tip_hash: tip.hash,
        new_tip_hash: block.hash,
        ancestor_hash: ancestor.hash,
        depth: gone.length,
      });
    }
    orphaned.delete(block.hash);
    branch.push(block);
  }
  return { reorgs, orphaned, findings: [] };
}
