import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { RdKafka } from "@confluentinc/kafka-javascript";
import kafkajs, { type Admin } from "kafkajs";
import { expect } from "vitest";
import type { ChainName } from "../../stream/block.ts";
import { makeConsumer } from "../../stream/kafka/rd.ts";
import { type ChainTopics, chainTopics } from "../../stream/kafka/topics.ts";
import { sluice, startSluice } from "../support/sluice.ts";
import { dumpStores, rowsOf, type StoreRows } from "../support/stores.ts";
import { silent } from "../warehouse/postgres/story.ts";

/** The first block of these chains. */
export const START = 1000;

/** So many blocks of a chain's tip are not final yet, plus one. */
export const CONFIRMATIONS = 3;

/** A pipeline of its own on shared servers. */
export interface Bed {
  readonly name: string;
  readonly env: Record<string, string>;
  readonly databaseUrl: string;
  topicsOf(chain: string): ChainTopics;
  groupOf(stage: string, chain: string): string;
}

/** Makes a home, a config for `chains` (all of Ethereum's kind, from the node at `url`), and a database. */
export async function makeBed(
  name: string,
  where: {
    readonly home: string;
    readonly brokers: string;
    readonly postgres: string;
    readonly node: string;
  },
  chains: readonly string[] = ["ethereum"],
): Promise<Bed> {
  mkdirSync(where.home, { recursive: true });
  const settings = {
    kind: "ethereum",
    chainId: 1,
    start: START,
    finality: { confirmations: CONFIRMATIONS },
    pollMs: 50,
  };
  const config = join(where.home, "sluice.json");
  writeFileSync(
    config,
    JSON.stringify({
      chains: Object.fromEntries(chains.map((chain) => [chain, settings])),
      labels: [seedsFor(chains, { name: "exchange_addresses.csv", home: where.home })],
      assets: [seedsFor(chains, { name: "assets.csv", home: where.home })],
      kafka: { topicPrefix: `${name}.` },
    }),
  );
  await rowsOf(where.postgres, `create database ${name}`);
  const url = new URL(where.postgres);
  url.pathname = `/${name}`;
  const nodes = Object.fromEntries(chains.map((chain) => [`${chain.toUpperCase()}_RPC_URL`, where.node]));
  return {
    name,
    databaseUrl: url.href,
    env: {
      SLUICE_HOME: where.home,
      SLUICE_CONFIG: config,
      KAFKA_BROKERS: where.brokers,
      DATABASE_URL: url.href,
      ...nodes,
    },
    topicsOf: (chain) => chainTopics(`${name}.`, chain as ChainName),
    groupOf: (stage, chain) => `${name}.${stage}-${chain}`,
  };
}

/** Ethereum's rows of a seed file, as rows of each of `chains`: the path of a file in the home. */
function seedsFor(
  chains: readonly string[],
  where: { readonly name: string; readonly home: string },
): string {
  const lines = readFileSync(join("sql/seeds", where.name), "utf8").split("\n");
  const rows = lines.filter((line) => line.startsWith("ethereum,"));
  const all = chains.flatMap((chain) => rows.map((row) => row.replace("ethereum,", `${chain},`)));
  const path = join(where.home, where.name);
  writeFileSync(path, `${[lines[0], ...all].join("\n")}\n`);
  return path;
}

/** Runs all stages of the chain until `height` stands in the stores. */
export function runUntil(bed: Bed, height: number, chain = "ethereum"): Promise<string> {
  return sluice(["run", "--until", `${chain}=${height}`], bed.env);
}

/** All rows of both stores. */
export function storesOf(bed: Bed): Promise<StoreRows> {
  return dumpStores(bed.databaseUrl, bed.env);
}

/** Runs a verb that must end with `code`; resolves with what it said. */
export async function ends(bed: Bed, args: readonly string[], code: number): Promise<string> {
  const end = await startSluice(args, bed.env).ended;
  expect([args, end.code], end.err).toEqual([args, code]);
  return end.err;
}

/** An admin client of the cluster. */
export async function openAdmin(brokers: string): Promise<Admin> {
  const admin = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  return admin;
}

/** Changes the topic's own settings as `kafka-configs.sh --alter` does: the others stay; undefined takes one away. */
export async function alterTopic(
  admin: Admin,
  topic: string,
  changes: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const { ConfigResourceTypes, ConfigSource } = kafkajs;
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
  });
  const own = (resources[0]?.configEntries ?? []).filter(
    ({ configSource }) => configSource === ConfigSource.TOPIC_CONFIG,
  );
  const standing = Object.fromEntries(own.map(({ configName, configValue }) => [configName, configValue]));
  const configEntries = Object.entries({ ...standing, ...changes }).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name, value }],
  );
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries }],
  });
}

/** Where the group's stage goes on. */
export async function committedOf(admin: Admin, group: string, topic: string): Promise<number> {
  const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
  return Number(found?.partitions[0]?.offset ?? -1);
}

/**
 * Puts a group's offset elsewhere, once its last member has left, as `kafka-consumer-groups.sh` does. kafkajs would join the group
 * for it and fetch: five seconds each time, for a record that does not come.
 */
export async function moveOffset(
  bed: Bed,
  group: string,
  place: { readonly topic: string; readonly offset: number },
): Promise<void> {
  const edge = { brokers: String(bed.env["KAFKA_BROKERS"]), security: {}, log: silent };
  const outsider = makeConsumer(edge, { "group.id": group });
  await promisify<RdKafka.MetadataOptions>(outsider.connect).call(outsider, {});
  try {
    outsider.commitSync({ ...place, partition: 0 });
  } finally {
    await promisify(outsider.disconnect).call(outsider);
  }
}

/** Where the topic begins and ends. */
export async function boundsOf(
  admin: Admin,
  topic: string,
): Promise<{ readonly low: number; readonly high: number }> {
  const [found] = await admin.fetchTopicOffsets(topic);
  return { low: Number(found?.low), high: Number(found?.high) };
}

/** Lets all records before `offset` expire. */
export async function expire(admin: Admin, topic: string, offset: number): Promise<void> {
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] });
}
