import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { BITCOIN_PROOFS } from "../ingest/bitcoin/prover.ts";
import { ETHEREUM_PROOFS } from "../ingest/ethereum/prover.ts";
import { BITCOIN_NETWORKS } from "../stream/bitcoin/network.ts";
import type { ChainName } from "../stream/block.ts";
import type { FinalityPolicy } from "../stream/finality.ts";

const heightOrLatest = z.union([z.int().nonnegative(), z.literal("latest")], `must be a height or "latest"`);

const confirmations = z.strictObject({ confirmations: z.int().min(1).max(100_000) });

const finality = z.union(
  [confirmations, z.strictObject({ tag: z.literal("finalized") })],
  `must be { "confirmations": 1 or more } or { "tag": "finalized" }`,
);

const pollMs = z.int().min(10).max(600_000).default(1000);

const blobFork = z.strictObject({
  time: z.int().nonnegative(),
  baseFeeUpdateFraction: z.int().positive(),
});

/** A prefix and a chain's name stand in topics, of at most 249 characters (Kafka, `Topic.MAX_NAME_LENGTH`); the name in files as well. */
const LONGEST_NAME = 100;

const ethereumChain = z.strictObject({
  kind: z.literal("ethereum"),
  chainId: z.int().positive(),
  start: heightOrLatest,
  finality: finality.default({ confirmations: 64 }),
  pollMs,
  traces: z.boolean().default(false),
  waive: z.array(z.enum(ETHEREUM_PROOFS)).default([]),
  blobSchedule: z.array(blobFork).optional(),
});

/** Bitcoin Core knows the third test network by the bare name. */
const bitcoinNetwork = z
  .enum([...BITCOIN_NETWORKS, "testnet"])
  .transform((name) => (name === "testnet" ? "testnet3" : name));

const bitcoinChain = z.strictObject({
  kind: z.literal("bitcoin"),
  network: bitcoinNetwork,
  start: heightOrLatest,
  finality: confirmations.default({ confirmations: 6 }),
  pollMs,
  waive: z.array(z.enum(BITCOIN_PROOFS)).default([]),
});

const configShape = z.strictObject({
  chains: z
    .record(
      z
        .string()
        .regex(/^[a-z0-9][a-z0-9-]*$/, "a chain's name has lower-case letters, digits and hyphens")
        .max(LONGEST_NAME, `a chain's name has at most ${LONGEST_NAME} characters`),
      z.discriminatedUnion("kind", [ethereumChain, bitcoinChain]),
    )
    .refine((chains) => Object.keys(chains).length > 0, "name at least one chain"),
  labels: z.array(z.string().min(1)),
  assets: z.array(z.string().min(1)),
  kafka: z
    .strictObject({
      topicPrefix: z
        .string()
        .regex(/^[a-zA-Z0-9._-]*$/)
        .max(LONGEST_NAME)
        .default(""),
      replication: z.int().min(1).max(32).default(1),
    })
    .default({ topicPrefix: "", replication: 1 }),
});

/** An Ethereum chain's part of the config, as validated. */
export type EthereumChainConfig = z.infer<typeof ethereumChain>;

/** A Bitcoin chain's part of the config, as validated. */
export type BitcoinChainConfig = z.infer<typeof bitcoinChain>;

/** One chain's part of the config, as validated. */
export type ChainConfig = EthereumChainConfig | BitcoinChainConfig;

/** The validated config; label and asset paths are absolute. */
export interface Config {
  readonly path: string;
  readonly chains: ReadonlyMap<ChainName, ChainConfig>;
  readonly labels: readonly string[];
  readonly assets: readonly string[];
  readonly kafka: { readonly topicPrefix: string; readonly replication: number };
}

/** The config can't be used; the message names the file, each place and what is wrong there. */
export class ConfigInvalid extends Error {
  override readonly name = "ConfigInvalid";
  readonly path: string;
  constructor(path: string, reason: string, options?: ErrorOptions) {
    super(`config ${path}: ${reason}`, options);
    this.path = path;
  }
}

/** Reads and validates the config file. Throws `ConfigInvalid`. */
export function readConfig(path: string): Config {
  const parsed = configShape.safeParse(parseJson(path));
  if (!parsed.success) throw new ConfigInvalid(path, describeIssues(parsed.error));
  const { chains, labels, assets, kafka } = parsed.data;
  const absolute = (file: string) => resolve(dirname(path), file);
  return {
    path,
    chains: new Map(Object.entries(chains) as [ChainName, ChainConfig][]),
    labels: labels.map(absolute),
    assets: assets.map(absolute),
    kafka,
  };
}

/** The finality policy of a chain. */
export function policyOf(chain: ChainConfig): FinalityPolicy {
  return "tag" in chain.finality
    ? { kind: "tag", tag: chain.finality.tag }
    : { kind: "confirmations", confirmations: chain.finality.confirmations };
}

/** All that is wrong, in one line: what, and where in the file. */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .map((issue) => {
      // Of a bad key, what is wrong with it stands one level deeper.
      const message = (issue.code === "invalid_key" ? issue.issues[0]?.message : undefined) ?? issue.message;
      const place = z.core.toDotPath(issue.path);
      return place === "" ? message : `${place}: ${message}`;
    })
    .join("; ");
}

function parseJson(path: string): unknown {
  const text = readText(path);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigInvalid(path, `not valid JSON: ${(cause as Error).message}`, { cause });
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const reason = `cannot be read (${(cause as NodeJS.ErrnoException).code}); name another one by SLUICE_CONFIG`;
    throw new ConfigInvalid(path, reason, { cause });
  }
}
