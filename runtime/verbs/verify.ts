import type { ChainName } from "../../stream/block.ts";
import { blockHeaderOf, bytesOf } from "../../stream/kafka/block-record.ts";
import type { Broker, KafkaRecord, TopicBounds } from "../../stream/kafka/broker.ts";
import { TopicMissing } from "../../stream/kafka/errors.ts";
import { chainTopics } from "../../stream/kafka/topics.ts";
import type { Reprove } from "../chains/kind.ts";
import { chainKind } from "../chains.ts";
import { EXIT } from "../exit.ts";
import type { Needs } from "../services/open.ts";
import { openSession, outputFolders, type ServedSession, withBroker, withServices } from "../session.ts";
import { ensureSchema } from "./schema.ts";

const EVERYTHING: Needs = new Set(["kafka", "postgres"]);
/** A few dozen blocks of main-net at once. */
const READ_BYTES = 8 * 1024 * 1024;

/** What proving a chain's raw blocks again came to. */
interface ChainProofs {
  readonly chain: ChainName;
  readonly blocks: number;
  readonly refused: readonly {
    readonly height: number;
    readonly hash: string;
    readonly proof: string;
    readonly reason: string;
  }[];
}

/** Proves every raw block again and compares the stores; exit code 5 when a block is refused, 1 when stores differ. */
export async function verify(json: boolean, signal: AbortSignal): Promise<number> {
  return withServices(openSession("verify", signal), EVERYTHING, async (session) => {
    const chains = await withBroker(session, (broker) => proveChains(session, broker));
    const stores = await compare(session);
    const print = (text: string) => void process.stdout.write(`${text}\n`);
    if (json) print(JSON.stringify({ chains, stores }, undefined, 2));
    else for (const line of [...chains.flatMap(proofLines), ...storeLines(stores)]) print(line);
    if (chains.some((chain) => chain.refused.length > 0)) return EXIT.unproven;
    return stores.findings.length > 0 ? EXIT.bug : EXIT.done;
  });
}

/** Something that is not as it must be. */
interface Finding {
  readonly kind: string;
  readonly reason: string;
  /** What an operator does to mend it; undefined: the reason tells it. */
  readonly remedy: string | undefined;
}

interface StoresView {
  readonly days: number;
  readonly feeds: number;
  readonly findings: readonly Finding[];
}

async function compare(session: ServedSession): Promise<StoresView> {
  const { compareStores } = await import("../../warehouse/compare.ts");
  const { env, config, services } = session;
  await ensureSchema(session);
  const chains = [...config.chains.keys()];
  const { days, feeds, findings } = await compareStores({
    ...outputFolders(env),
    databaseUrl: services.databaseUrl,
    chains,
  });
  return { days, feeds, findings: findings.map(({ kind, reason, remedy }) => ({ kind, reason, remedy })) };
}

async function proveChains(
  { config, signal }: ServedSession,
  broker: Broker,
): Promise<readonly ChainProofs[]> {
  const results: ChainProofs[] = [];
  for (const [chain, settings] of config.chains) {
    const reprove = await chainKind(settings).reprover();
    const topic = chainTopics(config.kafka.topicPrefix, chain).raw;
    results.push({ chain, ...(await proveTopic(broker, topic, { reprove, signal })) });
  }
  return results;
}

async function proveTopic(
  broker: Broker,
  topic: string,
  { reprove, signal }: { readonly reprove: Reprove; readonly signal: AbortSignal },
): Promise<Omit<ChainProofs, "chain">> {
  const bounds = await boundsOf(broker, topic);
  const reader = await broker.openReader(topic, bounds.low);
  const refused: ChainProofs["refused"][number][] = [];
  let blocks = 0;
  try {
    while (reader.position() < bounds.high && !signal.aborted) {
      for (const record of await reader.read({ maxBytes: READ_BYTES })) {
        blocks += 1;
        refused.push(...prove(record, reprove));
      }
    }
  } finally {
    await reader.close();
  }
  return { blocks, refused };
}

/** Where a topic begins and ends; one that no stage has made yet is empty. */
async function boundsOf(broker: Broker, topic: string): Promise<TopicBounds> {
  try {
    return await broker.bounds(topic);
  } catch (error) {
    if (error instanceof TopicMissing) return { low: 0, high: 0 };
    throw error;
  }
}

function prove(record: KafkaRecord, reprove: Reprove): ChainProofs["refused"] {
  const header = blockHeaderOf(record);
  const proofs = (record.headers["proofs"] ?? "").split(",");
  const outcome = reprove(bytesOf(record), header, proofs);
  if (outcome.kind === "holds") return [];
  return [{ height: header.height, hash: header.hash, proof: outcome.proof, reason: outcome.reason }];
}

function proofLines({ chain, blocks, refused }: ChainProofs): readonly string[] {
  const faults = refused.map(
    ({ height, hash, proof, reason }) => `  block ${height} ${hash}: proof ${proof} failed: ${reason}`,
  );
  return [`${chain}: ${blocks} raw blocks proven again, ${refused.length} refused`, ...faults];
}

/** What comparing the stores came to, for people. */
export function storeLines({ days, feeds, findings }: StoresView): readonly string[] {
  const faults = findings.map(({ kind, reason }) => `  ${kind}: ${reason}`);
  const remedies = new Set(
    findings.flatMap(({ remedy }) => (remedy === undefined ? [] : [`  mend: ${remedy}`])),
  );
  return [
    `stores: ${days} days and ${feeds} feeds compared, ${findings.length} differences`,
    ...faults,
    ...remedies,
  ];
}
