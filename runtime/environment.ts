import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { withoutCredentials } from "../ingest/answer.ts";
import type { ChainName } from "../stream/block.ts";
import type { KafkaSecurity } from "../stream/kafka/security.ts";
import { type ChainConfig, ConfigInvalid, describeIssues } from "./config.ts";

/** What the environment says (DESIGN §6); paths are absolute. */
export interface Environment {
  readonly kafkaBrokers: string | undefined;
  /** Of the brokers that are named; the embedded one has none. */
  readonly kafkaSecurity: KafkaSecurity;
  readonly databaseUrl: string | undefined;
  readonly configPath: string;
  readonly home: string;
  /** Where `/metrics` is served; undefined: nowhere. */
  readonly metrics: { readonly host: string; readonly port: number } | undefined;
  /** The nodes of a chain; none where none is named. Throws `ConfigInvalid`. */
  nodesOf(chain: ChainName, kind: ChainKindName): NodeAddresses;
}

/** The kinds of chain that there are, as the config names them. */
export type ChainKindName = ChainConfig["kind"];

/** How a chain's nodes are reached, most trusted first. */
export interface NodeAddresses {
  /** RPC addresses, with credentials where a node wants them. */
  readonly rpc: readonly string[];
  /** Base addresses of REST interfaces in the same order, one a node. */
  readonly rest: readonly string[];
  /** The cookie file of nodes whose address has no credentials. */
  readonly cookieFile: string | undefined;
}

const shape = z.object({
  KAFKA_BROKERS: z.string().min(1).optional(),
  DATABASE_URL: z.string().min(1).optional(),
  SLUICE_CONFIG: z.string().min(1).default("sluice.json"),
  SLUICE_HOME: z.string().min(1).default(".sluice"),
  KAFKA_SASL_MECHANISM: z.enum(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]).optional(),
  KAFKA_USERNAME: z.string().optional(),
  KAFKA_PASSWORD: z.string().optional(),
  KAFKA_TLS: z.enum(["true", "false"]).optional(),
  KAFKA_TLS_CA: z.string().optional(),
  SLUICE_METRICS_PORT: z.coerce.number().int().min(1).max(65_535).optional(),
  SLUICE_METRICS_HOST: z.string().min(1).default("127.0.0.1"),
});

/** The environment of a process whose broker is the embedded one, on loopback: whatever is said of security is of other brokers. */
export const NO_KAFKA_SECURITY: Readonly<Record<string, undefined>> = {
  KAFKA_SASL_MECHANISM: undefined,
  KAFKA_USERNAME: undefined,
  KAFKA_PASSWORD: undefined,
  KAFKA_TLS: undefined,
  KAFKA_TLS_CA: undefined,
};

/** Reads the environment; empty variables count as unset. Throws `ConfigInvalid`. */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env): Environment {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = shape.safeParse(set);
  if (!parsed.success) throw new ConfigInvalid("of the environment", describeIssues(parsed.error));
  const values = parsed.data;
  return {
    kafkaBrokers: values.KAFKA_BROKERS,
    kafkaSecurity: values.KAFKA_BROKERS === undefined ? {} : security(values),
    databaseUrl: values.DATABASE_URL,
    configPath: resolve(values.SLUICE_CONFIG),
    home: resolve(values.SLUICE_HOME),
    metrics:
      values.SLUICE_METRICS_PORT === undefined
        ? undefined
        : { host: values.SLUICE_METRICS_HOST, port: values.SLUICE_METRICS_PORT },
    nodesOf: (chain, kind) => nodeAddresses(set, chain, kind),
  };
}

/** How a node's RPC address may begin, by kind: Bitcoin's nodes speak no WebSocket. */
const PROTOCOLS: Readonly<Record<ChainKindName, readonly string[]>> = {
  ethereum: ["http:", "https:", "ws:", "wss:"],
  bitcoin: ["http:", "https:"],
};

/**
 * `<CHAIN>_RPC_URL` and its likes first, so that two chains of one kind can have nodes of their own; else `<KIND>_RPC_URL` and
 * its likes.
 */
function nodeAddresses(env: NodeJS.ProcessEnv, chain: ChainName, kind: ChainKindName): NodeAddresses {
  const prefixes = [chain, kind].map((name) => name.toUpperCase().replaceAll("-", "_"));
  const prefix = prefixes.find((name) => env[`${name}_RPC_URL`] !== undefined);
  if (prefix === undefined) return { rpc: [], rest: [], cookieFile: undefined };
  const rpc = urlsIn(env, `${prefix}_RPC_URL`, PROTOCOLS[kind]);
  const rest = urlsIn(env, `${prefix}_REST_URL`, PROTOCOLS.bitcoin);
  const stray = rest.findIndex((url, place) => url !== "" && (rpc[place] ?? "") === "");
  if (stray !== -1) {
    const fault = `address ${stray + 1} stands where ${prefix}_RPC_URL names no node; both have the same order`;
    throw new ConfigInvalid("of the environment", `${prefix}_REST_URL: ${fault}`);
  }
  const cookieFile = env[`${prefix}_RPC_COOKIE_FILE`];
  return {
    rpc: rpc.filter((url) => url !== ""),
    rest: rpc.flatMap((url, place) => (url === "" ? [] : [restAt(url, rest[place])])),
    cookieFile: cookieFile === undefined ? undefined : resolve(cookieFile),
  };
}

function restAt(rpc: string, rest: string | undefined): string {
  return rest === undefined || rest === "" ? withoutCredentials(rpc).href : rest;
}

/** The comma-separated addresses of a variable; a place may be empty. */
function urlsIn(env: NodeJS.ProcessEnv, variable: string, protocols: readonly string[]): readonly string[] {
  const text = env[variable];
  if (text === undefined) return [];
  const urls = text.split(",").map((url) => url.trim());
  for (const url of urls) {
    if (url === "" || (URL.canParse(url) && protocols.includes(new URL(url).protocol))) continue;
    const known = protocols.map((protocol) => `${protocol}//`);
    const list = `${known.slice(0, -1).join(", ")} or ${known.at(-1)}`;
    throw new ConfigInvalid("of the environment", `${variable}: a node's address begins with ${list}`);
  }
  return urls;
}

/** Either as it was meant, or not at all: half of a login would go to a broker as none. */
function security(values: z.infer<typeof shape>): KafkaSecurity {
  const ca = values.KAFKA_TLS_CA;
  if (values.KAFKA_TLS === "false" && ca !== undefined)
    throw refused("KAFKA_TLS_CA needs TLS, and KAFKA_TLS is false: set it to true, or unset KAFKA_TLS_CA");
  const sasl = saslIn(values);
  const tls = values.KAFKA_TLS === "true" || ca !== undefined;
  return {
    ...(sasl === undefined ? {} : { sasl }),
    ...(tls ? { tls: ca === undefined ? {} : { ca: readCa(ca) } } : {}),
  };
}

function saslIn(values: z.infer<typeof shape>): KafkaSecurity["sasl"] {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_USERNAME: username, KAFKA_PASSWORD: password } = values;
  if (mechanism === undefined) {
    if (username === undefined && password === undefined) return undefined;
    const known = shape.shape.KAFKA_SASL_MECHANISM.unwrap().options.join(", ");
    throw refused(`KAFKA_USERNAME and KAFKA_PASSWORD need KAFKA_SASL_MECHANISM: one of ${known}`);
  }
  if (username === undefined || password === undefined)
    throw refused("KAFKA_SASL_MECHANISM needs KAFKA_USERNAME and KAFKA_PASSWORD");
  return { mechanism, username, password };
}

function refused(reason: string): ConfigInvalid {
  return new ConfigInvalid("of the environment", reason);
}

function readCa(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new ConfigInvalid("of the environment", `KAFKA_TLS_CA: ${path} cannot be read`, { cause });
  }
}
