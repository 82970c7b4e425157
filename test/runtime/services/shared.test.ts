import { join } from "node:path";
import { pino } from "pino";
import { afterAll, expect, test } from "vitest";
import { ServiceFailed } from "../../../runtime/services/errors.ts";
import { shareService } from "../../../runtime/services/shared.ts";
import { removeHome, temporaryHome } from "../../services.ts";
import { runModule } from "./process.ts";

const root = temporaryHome("shared");
afterAll(() => removeHome(root));
const log = pino({ level: "silent" });

const never = new Promise<never>(() => undefined);

/** A service that tells which of its lives runs. */
function counted(home: string, started: string[], name: string, failed: Promise<ServiceFailed> = never) {
  return {
    name: "kafka" as const,
    home,
    log,
    start: async () => {
      started.push(name);
      return { address: "127.0.0.1:9", failed, stop: async () => void started.push(`${name} stopped`) };
    },
  };
}

test("a home's service is started once, used by all, and stopped by the one that started it", async () => {
  const started: string[] = [];
  const home = join(root, "once");
  const first = await shareService(counted(home, started, "first"));
  const second = await shareService(counted(home, started, "second"));
  expect([first.address, second.address, started]).toEqual(["127.0.0.1:9", "127.0.0.1:9", ["first"]]);
  await second.stop();
  expect(started).toEqual(["first"]);
  await first.stop();
  expect(started).toEqual(["first", "first stopped"]);
});

test("a borrower runs it when its owner is killed", async () => {
  const started: string[] = [];
  const home = join(root, "heir");
  const owner = runModule(`import { shareService } from "runtime/services/shared.js";
    const start = async () => ({ address: "127.0.0.1:9", failed: new Promise(() => {}), stop: async () => {} });
    const service = await shareService({ name: "kafka", home: ${JSON.stringify(home)}, log: {}, start });
    console.log(service.address);`);
  expect(await owner.line()).toBe("127.0.0.1:9");
  let fail: (reason: ServiceFailed) => void = () => undefined;
  const failed = new Promise<ServiceFailed>((resolve) => {
    fail = resolve;
  });
  const heir = await shareService(counted(home, started, "heir", failed));
  expect([heir.address, started]).toEqual(["127.0.0.1:9", []]);
  owner.kill("SIGKILL");
  await expect.poll(() => started, { timeout: 10_000 }).toEqual(["heir"]);
  fail(new ServiceFailed("Kafka", "died too often"));
  expect((await heir.failed).message).toBe("embedded Kafka: died too often");
  await heir.stop();
  expect(started).toEqual(["heir", "heir stopped"]);
});

test("a start that fails leaves the home to the next", async () => {
  const started: string[] = [];
  const home = join(root, "failed");
  const broken = { ...counted(home, started, "broken"), start: () => Promise.reject(new Error("no jars")) };
  await expect(shareService(broken)).rejects.toThrow("no jars");
  const next = await shareService(counted(home, started, "next"));
  await next.stop();
  expect(started).toEqual(["next", "next stopped"]);
});
