import Table from "cli-table3";
import type { ChainName } from "../../stream/block.ts";
import type { Broker } from "../../stream/kafka/broker.ts";
import { chainTopics } from "../../stream/kafka/topics.ts";
import { readAddress } from "../../warehouse/postgres/url.ts";
import type { NodeStanding } from "../chains/kind.ts";
import { chainKind } from "../chains.ts";
import type { ChainConfig } from "../config.ts";
import { lastBlock, lastFlowsHeight, lastMark } from "../heights.ts";
import { type Halt, readHalts } from "../incident.ts";
import type { Needs } from "../services/open.ts";
import { openSession, outputFolders, type ServedSession, withBroker, withServices } from "../session.ts";

const EVERYTHING: Needs = new Set(["kafka", "postgres"]);

/** How far a chain is: the height of the last block through each stage, null where there is none. Times in Unix seconds. */
interface ChainStanding {
  readonly chain: ChainName;
  readonly raw: number | null;
  readonly final: number | null;
  readonly flows: number | null;
  readonly hours: number | null;
  readonly postgres: number | null;
  readonly parquet: number | null;
  readonly finalTime: number | null;
  readonly watermark: number | null;
  /** Where the chain halted in this home, and why. */
  readonly halts: readonly Halt[];
  /** What each named node offers, where they differ in that. */
  readonly nodes: readonly NodeStanding[];
}

/** Prints how far each chain is. */
export async function status(json: boolean, signal: AbortSignal): Promise<undefined> {
  await withServices(openSession("status", signal), EVERYTHING, async (session) => {
    const chains = await withBroker(session, async (broker) => standings(session, broker));
    const places = placesOf(session);
    const text = json ? JSON.stringify({ ...places, chains }, undefined, 2) : render(chains, places);
    process.stdout.write(`${text}\n`);
  });
}

interface Places {
  readonly kafka: string;
  readonly postgres: string;
  readonly lake: string;
  readonly feed: string;
}

/** Where everything is, without credentials. */
function placesOf({ env, services }: ServedSession): Places {
  const { place } = readAddress(services.databaseUrl);
  return { kafka: services.brokers, postgres: place, ...outputFolders(env) };
}

async function standings(session: ServedSession, broker: Broker): Promise<readonly ChainStanding[]> {
  const inPostgres = await postgresHeights(session);
  const inParquet = await parquetHeights(session);
  return Promise.all(
    [...session.config.chains].map(async ([chain, settings]) => {
      const topics = chainTopics(session.config.kafka.topicPrefix, chain);
      const final = await lastBlock(broker, topics.final);
      const mark = await lastMark(broker, topics.exchangeFlows);
      return {
        chain,
        raw: (await lastBlock(broker, topics.raw))?.height ?? null,
        final: final?.height ?? null,
        flows: (await lastFlowsHeight(broker, topics.flows)) ?? null,
        hours: mark?.height ?? null,
        postgres: inPostgres.get(chain) ?? null,
        parquet: inParquet.get(chain) ?? null,
        finalTime: final?.time ?? null,
        watermark: mark?.watermark ?? null,
        halts: readHalts(session.env.home, chain),
        nodes: await nodeStandings(session, chain, settings),
      };
    }),
  );
}

async function nodeStandings(
  { env, log, signal }: ServedSession,
  chain: ChainName,
  settings: ChainConfig,
): Promise<readonly NodeStanding[]> {
  const nodes = env.nodesOf(chain, settings.kind);
  return (await chainKind(settings).describeNodes?.(nodes, log.child({ chain }), signal)) ?? [];
}

/** The last height that is wholly in Postgres, by chain. */
async function postgresHeights({ services, signal }: ServedSession): Promise<ReadonlyMap<string, number>> {
  const { openDatabase } = await import("../../warehouse/postgres/client.ts");
  const { statusRows } = await import("../../warehouse/postgres/status.ts");
  const db = await openDatabase(services.databaseUrl, { signal });
  try {
    const rows = await statusRows(db);
    return new Map(
      rows.flatMap(({ chain, offsets }) => {
        const heights = offsets.flatMap(({ through_height }) =>
          through_height === null ? [] : [through_height],
        );
        return heights.length === 0 ? [] : [[chain, Math.min(...heights)] as const];
      }),
    );
  } finally {
    await db.close();
  }
}

/** The last height that is wholly in the lake, by chain. */
async function parquetHeights(session: ServedSession): Promise<ReadonlyMap<string, number>> {
  const { openDatabase } = await import("../../warehouse/postgres/client.ts");
  const { isMigrated } = await import("../../warehouse/postgres/status.ts");
  const { LAKE_EDGE } = await import("../../warehouse/lake/edge.ts");
  const { lakeHeight } = await import("../../warehouse/lake-height.ts");
  const { config, env, services, signal } = session;
  const database = await openDatabase(services.databaseUrl, { signal });
  const format = await LAKE_EDGE.openFormat();
  try {
    const found = new Map<string, number>();
    if (!(await isMigrated(database))) return found;
    const stores = { database, format, lake: outputFolders(env).lake };
    for (const chain of config.chains.keys()) {
      const height = await lakeHeight(stores, chain, chainTopics(config.kafka.topicPrefix, chain));
      if (height !== undefined) found.set(chain, height);
    }
    return found;
  } finally {
    format.close();
    await database.close();
  }
}

const HEAD = [
  "chain",
  "raw",
  "final",
  "flows",
  "hours",
  "postgres",
  "parquet",
  "final time",
  "watermark",
  "state",
];

function render(chains: readonly ChainStanding[], places: Places): string {
  const table = new Table({ head: HEAD, style: { head: [], border: [], compact: true } });
  for (const one of chains) {
    const heights = [one.raw, one.final, one.flows, one.hours, one.postgres, one.parquet];
    const times = [one.finalTime, one.watermark].map(timeCell);
    table.push([one.chain, ...heights.map((height) => height ?? "–"), ...times, stateCell(one)]);
  }
  const reasons = chains.flatMap(({ chain, halts }) =>
    halts.map(({ stage, reason }) => `${chain} halted at ${stage}: ${reason}`),
  );
  const nodes = chains.flatMap(({ chain, nodes: named }) =>
    named.map(({ node, says }) => `${chain.padEnd(8)} ${node}: ${says}`),
  );
  const where = Object.entries(places).map(([name, place]) => `${name.padEnd(8)} ${place}`);
  return [table.toString(), ...reasons, ...nodes, ...where].join("\n");
}

function stateCell({ final, postgres, parquet, halts }: ChainStanding): string {
  if (halts.length > 0) return "halted";
  if (final === null) return "nothing final yet";
  const behind = final - Math.min(postgres ?? -1, parquet ?? -1);
  if (postgres === null || parquet === null) return "stores begin";
  return behind === 0 ? "stores complete" : `stores ${behind} behind`;
}

function timeCell(time: number | null): string {
  return time === null ? "–" : new Date(time * 1000).toISOString().slice(0, 19).replace("T", " ");
}
