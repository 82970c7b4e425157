import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { NO_KAFKA_SECURITY, readEnvironment } from "../../runtime/environment.ts";
import { redactor } from "../../runtime/redact.ts";
import type { ChainName } from "../../stream/block.ts";

const nodes = (env: NodeJS.ProcessEnv, chain: string) =>
  readEnvironment(env).nodesOf(chain as ChainName, "ethereum").rpc;
const bitcoin = (env: NodeJS.ProcessEnv, chain = "bitcoin") =>
  readEnvironment(env).nodesOf(chain as ChainName, "bitcoin");

test("what is unset or empty has its default", () => {
  const env = readEnvironment({ KAFKA_BROKERS: "", SLUICE_HOME: "" });
  expect(env).toMatchObject({
    kafkaBrokers: undefined,
    databaseUrl: undefined,
    configPath: resolve("sluice.json"),
    home: resolve(".sluice"),
    kafkaSecurity: {},
  });
});

test("nodes come in the order of trust, of the chain's own variable before its kind's", () => {
  const env = {
    ETHEREUM_RPC_URL: "http://a:8545, wss://b/key",
    HOLESKY_TEST_RPC_URL: "http://c",
  };
  expect(nodes(env, "ethereum")).toEqual(["http://a:8545", "wss://b/key"]);
  expect(nodes(env, "holesky-test")).toEqual(["http://c"]);
  expect(nodes(env, "sepolia")).toEqual(["http://a:8545", "wss://b/key"]);
  expect(nodes({}, "ethereum")).toEqual([]);
});

test("what is no address of a node is refused by the variable's name, without repeating it", () => {
  const refused = () => nodes({ ETHEREUM_RPC_URL: "ftp://user:secret@node" }, "mainnet");
  expect(refused).toThrow(
    "ETHEREUM_RPC_URL: a node's address begins with http://, https://, ws:// or wss://",
  );
  expect(refused).not.toThrow("secret");
});

test("a Bitcoin node has a REST address, its RPC address without credentials where none is named", () => {
  const env = {
    BITCOIN_RPC_URL: "http://user:pass@a:8332, http://b:8332",
    BITCOIN_RPC_COOKIE_FILE: "x/.cookie",
  };
  expect(bitcoin(env)).toEqual({
    rpc: ["http://user:pass@a:8332", "http://b:8332"],
    rest: ["http://a:8332/", "http://b:8332/"],
    cookieFile: resolve("x/.cookie"),
  });
  const rest = (text: string) => bitcoin({ ...env, BITCOIN_REST_URL: text }).rest;
  expect(rest("http://c/rest, https://d")).toEqual(["http://c/rest", "https://d"]);
  expect(rest("http://c")).toEqual(["http://c", "http://b:8332/"]);
  expect(rest(", http://d")).toEqual(["http://a:8332/", "http://d"]);
  expect(rest("http://c, , ")).toEqual(["http://c", "http://b:8332/"]);
  expect(bitcoin({})).toEqual({ rpc: [], rest: [], cookieFile: undefined });
});

test("a REST address is of the node in the same place, also where places are empty", () => {
  const at = (rpc: string, rest: string) => bitcoin({ BITCOIN_RPC_URL: rpc, BITCOIN_REST_URL: rest });
  const both = { rpc: ["http://a", "http://b"], cookieFile: undefined };
  expect(at("http://a,,http://b", "http://x,,http://y")).toEqual({
    ...both,
    rest: ["http://x", "http://y"],
  });
  expect(at(",http://a,http://b,", ",,http://y")).toEqual({ ...both, rest: ["http://a/", "http://y"] });
  expect(() => at("http://a,,http://b", "http://x,http://y")).toThrow(
    "BITCOIN_REST_URL: address 2 stands where BITCOIN_RPC_URL names no node; both have the same order",
  );
});

test("a chain with nodes of its own has its own REST addresses and cookie file too", () => {
  const env = {
    BITCOIN_RPC_URL: "http://a",
    BITCOIN_REST_URL: "http://a-rest",
    BITCOIN_RPC_COOKIE_FILE: "/a/.cookie",
    MY_SIGNET_RPC_URL: "http://s",
  };
  const own = { rpc: ["http://s"], rest: ["http://s/"], cookieFile: undefined };
  expect(bitcoin(env, "my-signet")).toEqual(own);
  expect(bitcoin({ ...env, MY_SIGNET_REST_URL: "http://s-rest" }, "my-signet").rest).toEqual([
    "http://s-rest",
  ]);
  expect(bitcoin(env, "testnet4").rest).toEqual(["http://a-rest"]);
});

test("what can't be a Bitcoin node's address is refused by the variable's name", () => {
  const refused = (env: NodeJS.ProcessEnv) => () => bitcoin({ BITCOIN_RPC_URL: "http://a", ...env });
  expect(refused({ BITCOIN_RPC_URL: "ws://a" })).toThrow(
    "BITCOIN_RPC_URL: a node's address begins with http:// or https://",
  );
  expect(refused({ BITCOIN_REST_URL: "node:8332" })).toThrow(
    "BITCOIN_REST_URL: a node's address begins with http:// or https://",
  );
  expect(refused({ BITCOIN_REST_URL: "http://a, http://b" })).toThrow(
    "BITCOIN_REST_URL: address 2 stands where BITCOIN_RPC_URL names no node; both have the same order",
  );
});

test("Kafka's login is whole or refused", () => {
  const brokers = { KAFKA_BROKERS: "kafka.example:9092" };
  const sasl = {
    ...brokers,
    KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
    KAFKA_USERNAME: "sluice",
    KAFKA_PASSWORD: "pass",
  };
  expect(readEnvironment(sasl).kafkaSecurity).toEqual({
    sasl: { mechanism: "SCRAM-SHA-512", username: "sluice", password: "pass" },
  });
  for (const half of [{ KAFKA_SASL_MECHANISM: "" }, { KAFKA_SASL_MECHANISM: "", KAFKA_USERNAME: "" }])
    expect(() => readEnvironment({ ...sasl, ...half })).toThrow(
      "KAFKA_USERNAME and KAFKA_PASSWORD need KAFKA_SASL_MECHANISM: one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512",
    );
  expect(() => readEnvironment({ ...sasl, KAFKA_PASSWORD: "" })).toThrow(
    "needs KAFKA_USERNAME and KAFKA_PASSWORD",
  );
  expect(() => readEnvironment({ ...brokers, KAFKA_SASL_MECHANISM: "GSSAPI" })).toThrow(
    "KAFKA_SASL_MECHANISM",
  );
});

test("Kafka is reached by TLS where it is asked for, and never against its word", () => {
  const security = (env: NodeJS.ProcessEnv) =>
    readEnvironment({ KAFKA_BROKERS: "kafka.example:9092", ...env }).kafkaSecurity;
  expect(security({ KAFKA_TLS: "true" })).toEqual({ tls: {} });
  expect(security({ KAFKA_TLS: "false" })).toEqual({});
  const certificate = { KAFKA_TLS_CA: "package.json" };
  const tls = { ca: readFileSync("package.json", "utf8") };
  expect([security(certificate), security({ ...certificate, KAFKA_TLS: "true" })]).toEqual([
    { tls },
    { tls },
  ]);
  expect(() => security({ ...certificate, KAFKA_TLS: "false" })).toThrow(
    "KAFKA_TLS_CA needs TLS, and KAFKA_TLS is false: set it to true, or unset KAFKA_TLS_CA",
  );
  expect(() => security({ KAFKA_TLS_CA: "/none.pem" })).toThrow("KAFKA_TLS_CA: /none.pem cannot be read");
});

test("what is said of Kafka's security is of the brokers that are named: the embedded one has none", () => {
  const secure = {
    KAFKA_SASL_MECHANISM: "PLAIN",
    KAFKA_USERNAME: "sluice",
    KAFKA_PASSWORD: "pass",
    KAFKA_TLS: "true",
    KAFKA_TLS_CA: "/none.pem",
  };
  expect(readEnvironment(secure).kafkaSecurity).toEqual({});
  expect(new Set(Object.keys(NO_KAFKA_SECURITY))).toEqual(new Set(Object.keys(secure)));
  const child = { ...secure, ...NO_KAFKA_SECURITY, KAFKA_BROKERS: "127.0.0.1:20000" };
  expect(readEnvironment(child).kafkaSecurity).toEqual({});
});

test("metrics are served where the environment says, on loopback when it names no other place", () => {
  expect(readEnvironment({}).metrics).toBeUndefined();
  expect(readEnvironment({ SLUICE_METRICS_PORT: "9464" }).metrics).toEqual({ host: "127.0.0.1", port: 9464 });
  expect(readEnvironment({ SLUICE_METRICS_PORT: "9464", SLUICE_METRICS_HOST: "0.0.0.0" }).metrics).toEqual({
    host: "0.0.0.0",
    port: 9464,
  });
});

test("what the environment says in confidence is not printed", () => {
  const hide = redactor({
    ETHEREUM_RPC_URL: "https://node.example/v3/0123456789abcdef, https://user:hunter22@other.example",
    DATABASE_URL: "postgres://sluice:p%40ssword1@db:5432/flows",
    KAFKA_PASSWORD: "kafka-secret",
    BITCOIN_REST_URL: "http://127.0.0.1:8332/secretpath",
  });
  const said =
    "http://127.0.0.1:8332/secretpath https://node.example/v3/0123456789abcdef p@ssword1 kafka-secret postgres://sluice:other@db:5432/flows hunter22";
  expect(hide(said)).toBe(
    "http://127.0.0.1:8332[hidden] https://node.example[hidden] [hidden] [hidden] postgres://[hidden]@db:5432/flows [hidden]",
  );
});

test("a password is not printed either where it is not encoded, has a comma, or stands in a query", () => {
  const hide = redactor({
    ETHEREUM_RPC_URL: "http://me:hunter50%off@node.example",
    DATABASE_URL: "postgres://sluice:open,sesame@db:5432/flows?password=barley-17&password=rye%2Bwheat",
  });
  expect(hide("hunter50%off open,sesame barley-17 rye+wheat rye%2Bwheat")).toBe(
    "[hidden] [hidden] [hidden] [hidden] [hidden]",
  );
});
