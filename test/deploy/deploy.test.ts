import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { readRequest } from "../../runtime/cli.ts";
import { readConfig } from "../../runtime/config.ts";
import { complaintsOf, type Manifest } from "./kubernetes-types.ts";

const CHAINS = ["ethereum", "bitcoin"];
/** Manifests that are whole as they stand; of the others kustomize makes parts of these. */
const WHOLE = ["namespace", "data", "feed", "chain/stages", "chain/warehouse"];

describe("the containers", () => {
  const compose = readFileSync("docker-compose.yml", "utf8");
  const settings = readFileSync("deploy/cluster.env", "utf8")
    .split("\n")
    .filter((line) => /^[A-Z]/.test(line));

  test("each setting of the cluster is one that the compose file asks for", () => {
    const names = settings.map((line) => line.split("=")[0]).filter((name) => name !== "COMPOSE_PROFILES");
    expect(names).toHaveLength(5);
    for (const name of names) expect(compose).toContain(`\${${name}:-`);
  });

  test("the cluster's voters and brokers are the services that there are", () => {
    const value = (name: string) => settings.find((line) => line.startsWith(`${name}=`))?.split("=")[1] ?? "";
    const nodes = [...compose.matchAll(/^ {2}(kafka[-\d]*):/gm)].map(([, name]) => name).slice(0, 3);
    expect(value("KAFKA_BROKERS").split(",")).toEqual(nodes.map((name) => `${name}:9092`));
    expect(value("KAFKA_VOTERS").split(",")).toEqual(nodes.map((name, index) => `${index + 1}@${name}:9093`));
    for (const name of nodes.slice(1)) expect(compose).toContain(`PLAINTEXT://${name}:9092`);
  });

  test("only what needs Postgres is told of it, each by its own login; the owner migrates before the others write", () => {
    const { services } = parse(compose, { merge: true }) as { readonly services: Record<string, Container> };
    const users = Object.entries(services).flatMap(([name, { environment, depends_on: after }]) => {
      const url = environment?.["DATABASE_URL"];
      return url === undefined
        ? []
        : [[name, /^postgres:\/\/(\w+):/.exec(url)?.[1], after?.["migrate"]?.condition]];
    });
    const done = "service_completed_successfully";
    expect(users).toEqual([
      ["migrate", "sluice", undefined],
      ["warehouse-postgres-ethereum", "sluice_sink", done],
      ["warehouse-postgres-bitcoin", "sluice_sink", done],
      ["feed", "sluice_sink", done],
    ]);
    expect(services["metabase"]?.environment?.["MB_DB_USER"]).toBe("metabase");
    const folders = services["ingest-bitcoin"]?.volumes?.filter((one) => one.includes("COOKIE"));
    expect(folders).toEqual([`\${BITCOIN_COOKIE_FOLDER:-no-cookie}:/run/bitcoin:ro`]);
  });
});

interface Container {
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly volumes?: readonly string[];
}

describe("the Kubernetes manifests", () => {
  test("bring a config that is valid, with three replicas", () => {
    const { chains, kafka } = readConfig("deploy/kubernetes/sluice.json");
    expect([[...chains.keys()], kafka.replication]).toEqual([CHAINS, 3]);
  });

  const secrets = manifestsIn(readFileSync("deploy/kubernetes/secrets.example.yaml", "utf8"));
  const hasKubectl = spawnSync("kubectl", ["version", "--client"]).status === 0;
  const built = hasKubectl
    ? manifestsIn(execFileSync("kubectl", ["kustomize", "deploy/kubernetes"], { encoding: "utf8" }))
    : [];
  const deployments = built.filter(({ kind }) => kind === "Deployment").map((one) => one as Deployment);

  test("have no field that Kubernetes does not know, and no value of another type", () => {
    const whole = WHOLE.flatMap((name) =>
      manifestsIn(readFileSync(`deploy/kubernetes/${name}.yaml`, "utf8")),
    );
    expect(whole.filter(({ kind }) => kind === "Deployment")).toHaveLength(7);
    expect(complaintsOf([...secrets, ...whole, ...built])).toBe("");
  });

  test("are refused with a field that Kubernetes does not know", () => {
    const [secret] = secrets as [Manifest];
    expect(complaintsOf([{ ...secret, stringdata: {} }])).toMatch(
      /"stringdata"' does not exist in type 'Secret'/,
    );
    expect(complaintsOf([{ ...secret, stringData: { KAFKA_TLS: true } }])).toMatch(/not assignable to/);
  });

  test.runIf(hasKubectl)(
    "run each stage of each chain twice, and one feed, in words that the command line knows",
    () => {
      const commands = deployments.map(({ spec }) => ({
        args: spec.template.spec.containers.flatMap(({ args }) => args),
        copies: spec.replicas,
      }));
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

  test.runIf(hasKubectl)("give each container the secrets that it needs, of those that are named", () => {
    const given = deployments.flatMap(({ spec: { template } }) =>
      [...(template.spec.initContainers ?? []), ...template.spec.containers].map(({ args, envFrom }) => [
        args.filter((word) => !CHAINS.includes(word)).join(" "),
        ...envFrom.flatMap(({ secretRef }) => (secretRef === undefined ? [] : [secretRef.name])),
      ]),
    );
    expect(new Set(given.map((words) => words.join(" | ")))).toEqual(
      new Set([
        "ingest | sluice-kafka | sluice-nodes",
        "gate | sluice-kafka",
        "flows | sluice-kafka",
        "aggregate | sluice-kafka",
        "migrate | sluice-owner",
        "warehouse postgres --chain | sluice-kafka | sluice-writer",
        "warehouse parquet --chain | sluice-kafka",
        "feed --follow | sluice-writer",
      ]),
    );
    const before = deployments.filter(({ spec }) => spec.template.spec.initContainers !== undefined);
    expect(before.map(({ metadata }) => metadata.name).sort()).toEqual([
      "feed",
      ...["bitcoin", "ethereum"].map((chain) => `warehouse-postgres-${chain}`),
    ]);
    const names = given.flatMap(([, ...rest]) => rest);
    expect(new Set(names)).toEqual(new Set(secrets.map(({ metadata }) => metadata.name)));
  });
});

interface Deployment extends Manifest {
  readonly spec: {
    readonly replicas: number;
    readonly template: {
      readonly spec: { readonly containers: readonly Pod[]; readonly initContainers?: readonly Pod[] };
    };
  };
}

interface Pod {
  readonly args: readonly string[];
  readonly envFrom: readonly { readonly secretRef?: { readonly name: string } }[];
}

function manifestsIn(yaml: string): readonly Manifest[] {
  return parseAllDocuments(yaml).map((document) => document.toJS() as Manifest);
}
