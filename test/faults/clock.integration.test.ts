import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KafkaService } from "../../runtime/services/kafka.ts";
import type { PostgresService } from "../../runtime/services/postgres.ts";
import { type ChainBlock, simulateChain } from "../chain/chain.ts";
import { startNode } from "../chain/node.ts";
import { story } from "../chain/story.ts";
import { removeHome, temporaryHome, testKafka, testPostgres } from "../services.ts";
import { sluice } from "../support/sluice.ts";
import { type Bed, CONFIRMATIONS, makeBed, START, storesOf } from "./bed.ts";

/** An hour a block, so that the feed has days to write. */
const SPACING_S = 3600;
const BLOCKS = 60;
const HEADS_EVERY_MS = 150;
const OUTAGE_CALLS = 2;
const JUMPING = pathToFileURL(resolve("dist/test/faults/jumping-clock.js")).href;

const root = temporaryHome("clock");
let kafka: KafkaService;
let postgres: PostgresService;

beforeAll(async () => {
  [kafka, postgres] = await Promise.all([testKafka(), testPostgres()]);
});

afterAll(async () => {
  await Promise.all([kafka?.stop(), postgres?.stop()]);
  removeHome(root);
});

/** A run on a chain that grows with forks, by a node that fails now and then; what stands at its end, and the CSV files. */
async function runOnGrowingChain(name: string, env: Readonly<Record<string, string>>) {
  let tip: ChainBlock = simulateChain({ start: START, spacingS: SPACING_S });
  const heads = story(tip, { forkEvery: 5, deepest: CONFIRMATIONS - 1 });
  const node = await startNode(tip);
  const growing = setInterval(() => {
    if (tip.height < START + BLOCKS) {
      tip = heads.next().value;
      node.follow(tip);
      // Whoever waits for a node measures for how long.
      if (tip.height % 10 === 0) node.fail("500", OUTAGE_CALLS);
    }
  }, HEADS_EVERY_MS);
  const home = join(root, name);
  const bed = await makeBed(name, { home, brokers: kafka.brokers, postgres: postgres.url, node: node.url });
  try {
    const until = START + BLOCKS - CONFIRMATIONS + 1;
    await sluice(["run", "--until", `ethereum=${until}`], { ...bed.env, ...env });
  } finally {
    clearInterval(growing);
    await node.close();
  }
  return { stores: await storesOf(bed), files: csvFiles(bed) };
}

/** Each file's name and text. */
function csvFiles({ env }: Bed): readonly (readonly string[])[] {
  const folder = join(String(env["SLUICE_HOME"]), "feed");
  return readdirSync(folder)
    .filter((file) => file.endsWith(".csv"))
    .map((file) => [file, readFileSync(join(folder, file), "utf8")]);
}

test("every process's wall clock jumps by hours, days and a year, forth and back: the same rows and files as in its own time", async () => {
  const notes = join(root, "notes.txt");
  const jumping = { NODE_OPTIONS: `--import=${JUMPING}`, CLOCK_NOTES: notes };
  const [jumped, steady] = await Promise.all([
    runOnGrowingChain("jumping", jumping),
    runOnGrowingChain("steady", {}),
  ]);
  const jumpers = readFileSync(notes, "utf8")
    .split("\n")
    .map((line) => line.split(" ")[0]);
  expect(jumpers).toEqual(
    expect.arrayContaining(["run", "ingest", "gate", "flows", "aggregate", "warehouse"]),
  );
  expect(steady.files.length).toBeGreaterThan(0);
  expect(steady.stores["flow_legs"]?.length).toBeGreaterThan(500);
  expect(jumped).toEqual(steady);
}, 180_000);
