import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { Fenced } from "../../../stream/kafka/errors.ts";
import { FEED_EDGE } from "../../../warehouse/feed/edge.ts";
import { writeFeeds } from "../../../warehouse/feed/write.ts";
import { fastClock, frozenClock } from "../../support/fast-clock.ts";
import { CHAIN, silentLog } from "../lake/story.ts";
import { ASSETS, type FilledStores, fillStores, type StoresCase } from "./stores.ts";

/** What happens before each file is put in place. */
const beforeRename = vi.hoisted(() => ({ do: async () => {} }));
vi.mock("../../../warehouse/durable.ts", async (original) => {
  const real = await original<typeof import("../../../warehouse/durable.ts")>();
  return {
    ...real,
    replaceFile: async (...[staged, target, disk]: Parameters<typeof real.replaceFile>) => {
      await beforeRename.do();
      await real.replaceFile(staged, target, disk);
    },
  };
});

let stores: FilledStores;
beforeAll(async () => {
  stores = await fillStores();
}, 120_000);
afterAll(() => stores?.stop());
afterEach(() => {
  beforeRename.do = async () => {};
});

const contents = (feed: string) =>
  readdirSync(feed).map((name) => [name, readFileSync(join(feed, name), "utf8")]);

const write = ({ lake, feed }: StoresCase, clock: typeof FEED_EDGE.clock) =>
  writeFeeds({
    databaseUrl: stores.url,
    lake,
    feed,
    chains: [CHAIN],
    assets: ASSETS,
    log: silentLog,
    edge: { ...FEED_EDGE, clock },
  });

it.each([1, 2, 3, 4])("a feed that sleeps through its replacement is fenced at its rename %i", async (at) => {
  const undisturbed = stores.fresh();
  await undisturbed.write();
  const here = stores.fresh();
  let renames = 0;
  let awake: unknown;
  beforeRename.do = async () => {
    renames += 1;
    if (renames !== at) return;
    beforeRename.do = async () => {};
    await write(here, fastClock());
    awake = contents(here.feed);
  };
  await expect(write(here, frozenClock())).rejects.toThrow(Fenced);
  expect(awake).toEqual(contents(undisturbed.feed));
  expect(contents(here.feed)).toEqual(awake);
  expect(readdirSync(`${here.feed}.staging`)).toEqual([]);
});

it.each([1, 2, 3, 4])("a feed that dies at its rename %i is made whole by the next one", async (at) => {
  const undisturbed = stores.fresh();
  await undisturbed.write();
  const here = stores.fresh();
  let renames = 0;
  beforeRename.do = async () => {
    renames += 1;
    if (renames === at) throw new Error("the machine is gone");
  };
  await expect(write(here, fastClock())).rejects.toThrow("the machine is gone");
  beforeRename.do = async () => {};
  await write(here, fastClock());
  expect(contents(here.feed)).toEqual(contents(undisturbed.feed));
});
