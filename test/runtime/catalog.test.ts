import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeEach, expect, test } from "vitest";
import { CatalogInvalid, readCatalog, watchCatalog } from "../../runtime/catalog.ts";
import { type Config, readConfig } from "../../runtime/config.ts";
import type { Address, ChainName } from "../../stream/block.ts";
import { removeHome, temporaryHome } from "../services.ts";

const folder = temporaryHome("catalog");
afterAll(() => removeHome(folder));

const chain = "ethereum" as ChainName;
const HOT = `0x${"a1".repeat(20)}` as Address;
const COLD = `0x${"b2".repeat(20)}` as Address;
const labels = join(folder, "labels.csv");
const assets = join(folder, "assets.csv");
let config: Config;

beforeEach(() => {
  writeFileSync(
    labels,
    `chain,address,exchange,wallet,role,valid_from,source\nethereum,${HOT},kraken,hot 1,hot,,test\n`,
  );
  writeFileSync(assets, "chain,asset,contract,decimals\nethereum,ETH,,18\n");
  const path = join(folder, "sluice.json");
  const ethereum = { kind: "ethereum", chainId: 1, start: 1 };
  writeFileSync(
    path,
    JSON.stringify({ chains: { ethereum }, labels: ["labels.csv"], assets: ["assets.csv"] }),
  );
  config = readConfig(path);
});

test("a catalog has a book a chain, at the version of its files", () => {
  const { version, books } = readCatalog(config);
  expect(books.get(chain)?.exchangeAt(HOT, 0)).toBe("kraken");
  expect(books.get(chain)?.exchangeAt(COLD, 0)).toBeNull();
  expect(books.get(chain)?.version).toBe(version);
  expect(version).toMatch(/^[0-9a-f]{16}$/);
  expect(readCatalog(config).version).toBe(version);
});

test("all bad rows of all files are refused at once, each by its place", () => {
  appendFileSync(labels, "ethereum,0x12,kraken,,,,test\n");
  appendFileSync(assets, "ethereum,USDT,nowhere,6\n");
  const refused = () => readCatalog(config);
  expect(refused).toThrow(CatalogInvalid);
  expect(refused).toThrow("2 unusable rows in label and asset files");
  expect(refused).toThrow(`${labels}:3: `);
  expect(refused).toThrow(`${assets}:3: `);
});

test("one fault is told once: a file that is missing or in another encoding, a native asset that can't be read", () => {
  const missing = { ...config, labels: [join(folder, "none.csv")] };
  expect(faultsOf(missing)).toEqual([`${join(folder, "none.csv")}:0: cannot be read (ENOENT)`]);
  appendFileSync(labels, Buffer.from("ethereum,,kr\u00e4ken,,,,test\n", "latin1"));
  expect(faultsOf(config)).toEqual([`${labels}:0: is not UTF-8; save it in that encoding`]);
  writeFileSync(assets, "chain,asset,contract,decimals\nethereum,ETH,,018\n");
  expect(faultsOf({ ...config, labels: [] })).toEqual([
    `${assets}:2: decimals "018" is no whole number from 0 to 77`,
  ]);
});

function faultsOf(refused: Config): readonly string[] {
  try {
    readCatalog(refused);
    return [];
  } catch (error) {
    if (!(error instanceof CatalogInvalid)) throw error;
    return error.faults.map(({ file, line, reason }) => `${file}:${line}: ${reason}`);
  }
}

test("a changed file applies; one that can't be used leaves the version before in force, and says so once", () => {
  const said: string[] = [];
  const log = pino({ level: "error" }, { write: (line) => void said.push(line) });
  const catalog = watchCatalog(config, log);
  const first = catalog();
  appendFileSync(labels, `ethereum,${COLD},kraken,cold 1,cold,,test\n`);
  const second = catalog();
  expect(second.version).not.toBe(first.version);
  expect(second.books.get(chain)?.exchangeAt(COLD, 0)).toBe("kraken");
  appendFileSync(labels, "ethereum,0x12,kraken,,,,test\n");
  expect([catalog(), catalog()]).toEqual([second, second]);
  expect(said.length).toBe(1);
  expect(said[0]).toContain(`${labels}:4: `);
});
