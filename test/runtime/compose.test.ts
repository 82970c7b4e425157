import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { KAFKA_VERSION } from "../../runtime/cache.ts";
import { readRequest } from "../../runtime/cli.ts";

const compose = readFileSync("docker-compose.yml", "utf8");

test("the Kafka beside the containers is of the version that is embedded", () => {
  expect(/image: apache\/kafka:(.*)/.exec(compose)?.[1]).toBe(KAFKA_VERSION);
});

test("each container runs one stage of one chain, in words that the command line knows; the feed is one for all, and the schema is made before", () => {
  const commands = [...compose.matchAll(/^ {4}command: (\[.*\])$/gm)].map(
    ([, words]) => JSON.parse(String(words)) as readonly string[],
  );
  expect(commands.filter((words) => readRequest(words).kind !== "verb")).toEqual([]);
  const ofChain = (chain: string) => [
    ...["ingest", "gate", "flows", "aggregate"].map((verb) => `${verb} ${chain}`),
    ...["postgres", "parquet"].map((store) => `warehouse ${store} --chain ${chain}`),
  ];
  expect(commands.map((words) => words.join(" "))).toEqual([
    "migrate",
    ...ofChain("ethereum"),
    ...ofChain("bitcoin"),
    "feed --follow",
  ]);
});
