import { join } from "node:path";
import { startPostgres } from "../../runtime/services/postgres.ts";
import type { ChainName } from "../../stream/block.ts";
import { sluice } from "../support/sluice.ts";
import { dumpStores, rowsOf } from "../support/stores.ts";
import type { Chains } from "./chains.ts";
import { makeHome } from "./home.ts";
import { differences, readTopics, type TopicsReport } from "./oracle.ts";

/** Where the battle's stores and topics are. */
export interface Remains {
  readonly home: string;
  readonly chains: Chains;
  readonly environment: Record<string, string>;
  readonly brokers: string;
  readonly databaseUrl: string;
}

/** Until the copies themselves have brought the last final block to both stores. */
const SETTLE_MS = 120_000;
const LOOK_EVERY_MS = 500;

/** Waits until both stores hold every final block; what is missing at the end, in words. */
export async function untilSettled({
  chains,
  environment,
  databaseUrl,
}: Remains): Promise<readonly string[]> {
  // By name, as both queries order.
  const wanted = [...chains.names]
    .sort((a, b) => (a < b ? -1 : 1))
    .map((chain) => `${chain} ${chains.finalOf(chain).at(-1)?.height}`);
  const end = performance.now() + SETTLE_MS;
  for (;;) {
    const postgres = await rowsOf<{ place: string }>(
      databaseUrl,
      "select chain || ' ' || min(through_height) as place from sluice.offsets where topic not like '%reorgs%' group by chain order by 1",
    );
    const lake = JSON.parse(await sluice(["sql", "--json", LAKE_HEIGHTS], environment)) as {
      place: string;
    }[];
    const behind = [
      ...differences(
        "Postgres's heights",
        postgres.map(({ place }) => place),
        wanted,
      ),
      ...differences(
        "the lake's heights",
        lake.map(({ place }) => place),
        wanted,
      ),
    ];
    if (behind.length === 0 || performance.now() > end) return behind;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

const LAKE_HEIGHTS = "select chain || ' ' || max(height) as place from blocks group by chain order by 1";

/** What is wrong with what the battle left: by the true chains, and by a quiet run over the same ones. */
export async function findWrong(remains: Remains): Promise<{
  readonly findings: readonly string[];
  readonly blocks: number;
  readonly legs: number;
  readonly reorgs: number;
}> {
  const { chains, environment } = remains;
  const ends = untils(chains);
  await sluice(["run", ...ends], environment);
  const findings: string[] = [];
  let reorgs = 0;
  for (const chain of chains.names) {
    const truth = { final: chains.finalOf(chain), head: chains.headOf(chain) };
    const topics = await readTopics(remains.brokers, chain, truth);
    findings.push(
      ...topics.findings,
      ...(await reorgFindings(remains.databaseUrl, chain, topics, truth.final)),
    );
    reorgs += topics.reorgs.length;
  }
  await sluice(["verify"], environment).catch((error: Error) => findings.push(error.message));
  const battle = await dumpStores(remains.databaseUrl, environment);
  const quiet = await quietStores(remains, ends);
  for (const [table, rows] of Object.entries(quiet))
    findings.push(...differences(table, battle[table] ?? [], rows));
  return { findings, blocks: quiet["blocks"]?.length ?? 0, legs: quiet["flow_legs"]?.length ?? 0, reorgs };
}

function untils(chains: Chains): readonly string[] {
  return chains.names.flatMap((chain) => ["--until", `${chain}=${chains.finalOf(chain).at(-1)?.height}`]);
}

/** Every reorg a row with its own raw offset, every block that left the chain a row, every final one once. */
async function reorgFindings(
  databaseUrl: string,
  chain: ChainName,
  topics: TopicsReport,
  final: readonly { readonly hash: string }[],
): Promise<readonly string[]> {
  const columns = "raw_offset, old_tip_hash, new_tip_hash, ancestor_hash, depth";
  const reorgs = await rowsOf(
    databaseUrl,
    `select ${columns} from reorgs where chain = '${chain}' order by raw_offset::bigint`,
  );
  const orphans = await rowsOf<{ block_hash: string }>(
    databaseUrl,
    `select block_hash from blocks where chain = '${chain}' and status = 'orphaned' order by block_hash collate "C"`,
  );
  const stayed = new Set(final.map(({ hash }) => hash));
  const wanted = [...topics.orphaned].filter((hash) => !stayed.has(hash)).sort((a, b) => (a < b ? -1 : 1));
  return [
    ...differences(
      `reorgs of ${chain}`,
      reorgs.map((row) => JSON.stringify(row)),
      topics.reorgs.map((row) => JSON.stringify(row)),
    ),
    ...differences(
      `orphans of ${chain}`,
      orphans.map((row) => row.block_hash),
      wanted,
    ),
  ];
}

/** The same chains once more, by a run that nobody disturbs, in a home of its own. */
async function quietStores({ home, chains }: Remains, ends: readonly string[]) {
  const folder = join(home, "quiet");
  const environment = makeHome(folder, chains, 1);
  await sluice(["run", ...ends], environment);
  const { url, stop } = await startPostgres({ home: folder });
  try {
    return await dumpStores(url, environment);
  } finally {
    await stop();
  }
}
