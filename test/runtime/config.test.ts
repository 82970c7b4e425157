import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ConfigInvalid, policyOf, readConfig } from "../../runtime/config.ts";
import type { ChainName } from "../../stream/block.ts";
import { removeHome, temporaryHome } from "../services.ts";

const folder = temporaryHome("config");
afterAll(() => removeHome(folder));

const ETHEREUM = { kind: "ethereum", chainId: 1, start: 17686110 };
const BITCOIN = { kind: "bitcoin", network: "mainnet", start: 800000 };
const FILES = { labels: ["seeds/labels.csv"], assets: ["/etc/assets.csv"] };

function written(content: unknown): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "sluice.json");
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

function refusal(content: unknown): string {
  try {
    readConfig(written(content));
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigInvalid);
    return (error as Error).message;
  }
  throw new Error("the config was taken");
}

describe("a config", () => {
  test("gets its defaults, and paths relative to its file", () => {
    const config = readConfig(written({ chains: { ethereum: ETHEREUM }, ...FILES }));
    expect(config.labels).toEqual([join(folder, "seeds/labels.csv")]);
    expect(config.assets).toEqual(["/etc/assets.csv"]);
    expect(config.kafka).toEqual({ topicPrefix: "", replication: 1 });
    expect(config.chains.get("ethereum" as ChainName)).toEqual({
      kind: "ethereum",
      chainId: 1,
      start: 17686110,
      finality: { confirmations: 64 },
      pollMs: 1000,
      traces: false,
      waive: [],
    });
  });

  test("of a Bitcoin chain has its own defaults and proofs", () => {
    const waive = ["witness", "spent"];
    const config = readConfig(
      written({ chains: { bitcoin: BITCOIN, small: { ...BITCOIN, waive } }, ...FILES }),
    );
    const defaults = {
      kind: "bitcoin",
      network: "mainnet",
      start: 800000,
      finality: { confirmations: 6 },
      pollMs: 1000,
      waive: [],
    };
    expect(config.chains.get("bitcoin" as ChainName)).toEqual(defaults);
    expect(config.chains.get("small" as ChainName)).toEqual({ ...defaults, waive });
  });

  test.each([
    ["mainnet", "mainnet"],
    ["testnet", "testnet3"],
    ["testnet3", "testnet3"],
    ["testnet4", "testnet4"],
    ["signet", "signet"],
    ["regtest", "regtest"],
  ])("knows Bitcoin's network %s", (network, wanted) => {
    const config = readConfig(written({ chains: { bitcoin: { ...BITCOIN, network } }, ...FILES }));
    expect(config.chains.get("bitcoin" as ChainName)).toMatchObject({ network: wanted });
  });

  test.each([
    ["traces, which Bitcoin has not", { traces: false }, 'chains.bitcoin: Unrecognized key: "traces"'],
    ["a chain id", { chainId: 1 }, 'chains.bitcoin: Unrecognized key: "chainId"'],
    ["another chain's proof", { waive: ["receipts"] }, "chains.bitcoin.waive[0]: Invalid option"],
    ["a network that does not exist", { network: "main" }, "chains.bitcoin.network: Invalid option"],
    ["no network", { network: undefined }, "chains.bitcoin.network: Invalid option"],
    ["a tag", { finality: { tag: "finalized" } }, "chains.bitcoin.finality.confirmations: Invalid input"],
    ["no confirmation", { finality: { confirmations: 0 } }, "chains.bitcoin.finality.confirmations: "],
  ])("of Bitcoin refuses %s, and says where", (_, wrong, said) => {
    expect(refusal({ chains: { bitcoin: { ...BITCOIN, ...wrong } }, ...FILES })).toContain(said);
  });

  test("names each key that nobody knows, and where it stands", () => {
    const chains = { ethereum: { ...ETHEREUM, dept: 3 } };
    expect(refusal({ chains, ...FILES, colour: "red" })).toBe(
      `config ${join(folder, "sluice.json")}: chains.ethereum: Unrecognized key: "dept"; Unrecognized key: "colour"`,
    );
  });

  test.each([
    ["a proof that does not exist", { ...ETHEREUM, waive: ["reciepts"] }, "chains.ethereum.waive[0]"],
    ["a start that is neither height nor latest", { ...ETHEREUM, start: "newest" }, "chains.ethereum.start"],
    ["a negative start", { ...ETHEREUM, start: -1 }, "chains.ethereum.start"],
    [
      "no confirmation at all",
      { ...ETHEREUM, finality: { confirmations: 0 } },
      "chains.ethereum.finality.confirmations",
    ],
    [
      "two policies at once",
      { ...ETHEREUM, finality: { confirmations: 6, tag: "finalized" } },
      "chains.ethereum.finality",
    ],
    ["a kind that does not exist", { ...ETHEREUM, kind: "dogecoin" }, "chains.ethereum.kind"],
  ])("refuses %s, and says where", (_, ethereum, place) => {
    expect(refusal({ chains: { ethereum }, ...FILES })).toContain(`${place}: `);
  });

  test("refuses a chain's name that can't stand in a topic, and no chain at all", () => {
    expect(refusal({ chains: { "Main Net": ETHEREUM }, ...FILES })).toContain(
      `chains["Main Net"]: a chain's name has lower-case letters, digits and hyphens`,
    );
    expect(refusal({ chains: { ["a".repeat(101)]: ETHEREUM }, ...FILES })).toContain(
      "at most 100 characters",
    );
    expect(
      refusal({ chains: { ethereum: ETHEREUM }, ...FILES, kafka: { topicPrefix: "a".repeat(101) } }),
    ).toContain("kafka.topicPrefix: ");
    expect(refusal({ chains: {}, ...FILES })).toContain("name at least one chain");
  });

  test("says that a file is missing, or no JSON", () => {
    expect(() => readConfig(join(folder, "none.json"))).toThrow(
      `config ${join(folder, "none.json")}: cannot be read (ENOENT); name another one by SLUICE_CONFIG`,
    );
    expect(refusal('{ "chains": ')).toContain("not valid JSON");
  });

  test("that comes with the project is one", () => {
    const config = readConfig("sluice.json");
    expect([...config.chains.keys()]).toEqual(["ethereum"]);
  });
});

test("a policy is what its config says", () => {
  const config = (finality: unknown) =>
    readConfig(written({ chains: { ethereum: { ...ETHEREUM, finality } }, ...FILES }));
  const policies = [{ confirmations: 12 }, { tag: "finalized" }].flatMap((finality) =>
    [...config(finality).chains.values()].map(policyOf),
  );
  expect(policies).toEqual([
    { kind: "confirmations", confirmations: 12 },
    { kind: "tag", tag: "finalized" },
  ]);
});
