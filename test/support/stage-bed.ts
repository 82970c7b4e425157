import { type Logger, pino } from "pino";
import type { BlockHeader, BlockRef, ChainName } from "../../stream/block.ts";
import type { LabelBook } from "../../stream/flow/labels.ts";
import type { Broker, KafkaRecord, OutgoingRecord } from "../../stream/kafka/broker.ts";
import { CLOCK } from "../../stream/kafka/clock.ts";
import type { StageContext } from "../../stream/kafka/stage.ts";
import { chainTopics } from "../../stream/kafka/topics.ts";
import type { Effect, MemoryCluster } from "./memory-broker.ts";

/** The chain of these stories. */
export const CHAIN = "story" as ChainName;

/** Its topics, with no prefix. */
export const TOPICS = chainTopics("", CHAIN);

/** What a test changes of a stage's surroundings. */
export type BedOptions = Partial<
  Pick<StageContext, "signal" | "until" | "report" | "log" | "prefix" | "topics">
>;

/** What a stage is given, with everything dull that the test does not name. */
export function stageContext(broker: Broker, options: BedOptions = {}): StageContext {
  return {
    chain: CHAIN,
    broker,
    topics: TOPICS,
    prefix: "",
    replication: 1,
    log: pino({ enabled: false }),
    clock: CLOCK,
    signal: new AbortController().signal,
    until: undefined,
    report: () => {},
    ...options,
  };
}

/** A log that keeps its lines. */
export function keptLog(): { readonly log: Logger; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>);
  return { log: pino({ level: "debug" }, { write }), lines };
}

/** The process dies here. */
export class Crash extends Error {
  override readonly name = "Crash";
}

/** How a run of a stage ended: at rest, all input processed; or by an error (`Crash` where the test wanted one). */
export type Ending = { readonly kind: "rested" } | { readonly kind: "failed"; readonly error: Error };

/** Runs a stage in a process of its own until all of `input` is processed, or until effect number `crashAt`. */
export async function runToRest(
  cluster: MemoryCluster,
  stage: { readonly run: (context: StageContext) => Promise<void>; readonly input: string },
  options: BedOptions & { readonly crashAt?: number } = {},
): Promise<Ending> {
  const rest = new AbortController();
  let effects = 0;
  const broker = cluster.connect((effect: Effect) => {
    effects += 1;
    if (effects === options.crashAt) throw new Crash(`effect ${effects}: ${effect.kind}`);
    if (effect.kind === "read" && effect.topic === stage.input && effect.records === 0) rest.abort();
  });
  try {
    await stage.run(stageContext(broker, { signal: rest.signal, ...options }));
    return { kind: "rested" };
  } catch (error) {
    return { kind: "failed", error: error as Error };
  } finally {
    broker.kill();
  }
}

/** The raw record of an announcement, as ingest writes it; the value is the hash's own text. */
export function rawRecord(block: BlockHeader, finalized?: BlockRef): OutgoingRecord {
  return {
    topic: TOPICS.raw,
    key: block.hash,
    value: Buffer.from(`bytes of ${block.hash}`),
    headers: {
      ...blockHeaders(block),
      ...(finalized === undefined ? {} : { finalized: `${finalized.height}:${finalized.hash}` }),
    },
  };
}

/** The final record of a block that was announced at `offset` of raw. */
export function finalRecord(block: BlockHeader & { readonly offset?: number }): OutgoingRecord {
  return {
    topic: TOPICS.final,
    key: block.hash,
    value: Buffer.from(`bytes of ${block.hash}`),
    headers: { ...blockHeaders(block), "raw-next": String((block.offset ?? 0) + 1) },
  };
}

/** What a record is, wherever it stands. */
export function contentOf({ key, value, headers }: KafkaRecord | OutgoingRecord) {
  return { key, value: value === null ? null : Buffer.from(value).toString("utf8"), headers: headers ?? {} };
}

function blockHeaders({ height, hash, parent, time }: BlockHeader): Readonly<Record<string, string>> {
  return {
    chain: CHAIN,
    height: String(height),
    hash,
    parent,
    time: String(time),
    proofs: "header,transactions",
    codec: "story.v1",
  };
}

/** A book that knows nobody and no token. */
export function emptyBook(version: string): LabelBook {
  return {
    version,
    nativeAsset: "ETH",
    exchangeAt: () => null,
    addresses: () => [],
    assetOf: () => undefined,
  };
}
