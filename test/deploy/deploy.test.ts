import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readRequest } from "../../runtime/cli.ts";
import { readConfig } from "../../runtime/config.ts";

const CHAINS = ["ethereum", "bitcoin"];

describe("the cluster of containers", () => {
  const compose = readFileSync("docker-compose.yml", "utf8");
  const settings = readFileSync("deploy/cluster.env", "utf8")
    .split("\n")
    .filter((line) => /^[A-Z]/.test(line));

  test("each of its settings is one that the compose file asks for", () => {
    const names = settings.map((line) => line.split("=")[0]).filter((name) => name !== "COMPOSE_PROFILES");
    expect(names).toHaveLength(5);
    for (const name of names) expect(compose).toContain(`\${${name}:-`);
  });

  test("its voters and brokers are the services that there are", () => {
    const value = (name: string) => settings.find((line) => line.startsWith(`${name}=`))?.split("=")[1] ?? "";
    const nodes = [...compose.matchAll(/^ {2}(kafka[-\d]*):/gm)].map(([, name]) => name).slice(0, 3);
    expect(value("KAFKA_BROKERS").split(",")).toEqual(nodes.map((name) => `${name}:9092`));
    expect(value("KAFKA_VOTERS").split(",")).toEqual(nodes.map((name, index) => `${index + 1}@${name}:9093`));
    for (const name of nodes.slice(1)) expect(compose).toContain(`PLAINTEXT://${name}:9092`);
  });
});

describe("the Kubernetes manifests", () => {
  test("bring a config that is valid, with three replicas", () => {
    const { chains, kafka } = readConfig("deploy/kubernetes/sluice.json");
    expect([[...chains.keys()], kafka.replication]).toEqual([CHAINS, 3]);
  });

  const hasKubectl = spawnSync("kubectl", ["version", "--client"]).status === 0;
  test.runIf(hasKubectl)(
    "run each stage of each chain twice, and one feed, in words that the command line knows",
    () => {
      const built = execFileSync("kubectl", ["kustomize", "deploy/kubernetes"], { encoding: "utf8" });
      const deployments = built.split("\n---\n").filter((text) => text.includes("\nkind: Deployment\n"));
      const commands = deployments.map((text) => {
        const words = /\n {6}- args:\n((?: {8}- .*\n)+)/.exec(text)?.[1] ?? "";
        const args = [...words.matchAll(/- (.*)/g)].map(([, word]) => String(word));
        return { args, copies: /\n {2}replicas: (\d+)/.exec(text)?.[1] };
      });
      expect(commands.filter(({ args }) => readRequest(args).kind !== "verb")).toEqual([]);
      const twice = CHAINS.flatMap((chain) => [
        ...["ingest", "gate", "flows", "aggregate"].map((verb) => `${verb} ${chain} x2`),
        ...["postgres", "parquet"].map((store) => `warehouse ${store} --chain ${chain} x2`),
      ]);
      expect(commands.map(({ args, copies }) => `${args.join(" ")} x${copies}`).sort()).toEqual(
        [...twice, "feed --follow x1"].sort(),
      );
    },
  );
});
