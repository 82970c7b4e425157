import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pino } from "pino";
import { afterAll, expect, test } from "vitest";
import { readNotice, servicesIn } from "../../../runtime/services/notice.ts";
import { ownerOf, takeOwnership } from "../../../runtime/services/ownership.ts";
import { type SharedService, shareService } from "../../../runtime/services/shared.ts";
import { removeHome, temporaryHome } from "../../services.ts";
import { runModule } from "../../support/module.ts";

const root = temporaryHome("shared");
afterAll(() => removeHome(root));

const ADDRESS = "127.0.0.1:9";
const KEEPER = [process.execPath, resolve("test/runtime/services/file-keeper.mjs")];

/** A home, its service as a process uses it, and the server's lives so far. */
function homeOf(name: string) {
  const home = join(root, name);
  mkdirSync(home);
  const warnings: unknown[] = [];
  const log = pino({ base: null }, { write: (line) => void warnings.push(JSON.parse(line).msg) });
  const file = join(home, "lives");
  return {
    home,
    warnings,
    use: () => shareService({ name: "kafka", home, log, keeper: KEEPER }),
    lives: () => (existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : []),
    put: (word: string) => writeFileSync(join(home, word), ""),
    keeper: () => readNotice(servicesIn(home), "kafka")?.keeper,
    isKept: () => ownerOf(servicesIn(home), "kafka") !== undefined,
  };
}

test("a home's service is started once however many want it, and goes with the last of them, whoever that is", async () => {
  const { use, lives, isKept } = homeOf("once");
  const users = await Promise.all([use(), use(), use()]);
  expect([users.map(({ address }) => address), lives()]).toEqual([[ADDRESS, ADDRESS, ADDRESS], ["up"]]);
  const [first, second, third] = users as [SharedService, SharedService, SharedService];
  await first.stop();
  await third.stop();
  expect([lives(), isKept()]).toEqual([["up"], true]);
  await second.stop();
  expect([lives(), isKept()]).toEqual([["up", "down"], false]);
});

test("it stays when the process that started it ends, in order or not, and goes when its last process is killed", async () => {
  const { home, use, lives, isKept } = homeOf("heirs");
  const source = `import { shareService } from "runtime/services/shared.js";
    await shareService({ name: "kafka", home: ${JSON.stringify(home)}, log: {}, keeper: ${JSON.stringify(KEEPER)} });
    console.log("up");`;
  const starter = runModule(source);
  expect(await starter.line()).toBe("up");
  const heir = await use();
  starter.kill("SIGKILL");
  await new Promise((settle) => starter.child.once("exit", settle));
  const last = runModule(source);
  expect(await last.line()).toBe("up");
  await heir.stop();
  expect([lives(), isKept()]).toEqual([["up"], true]);
  last.kill("SIGKILL");
  await expect.poll(() => [lives(), isKept()], { timeout: 10_000 }).toEqual([["up", "down"], false]);
});

test("who comes while it goes down waits for its next life", async () => {
  const { use, lives } = homeOf("again");
  for (let turn = 0; turn < 5; turn += 1) {
    const leaving = use().then((user) => user.stop());
    const coming = await use();
    await leaving;
    expect(lives().at(-1)).toBe("up");
    await coming.stop();
    expect(lives().at(-1)).toBe("down");
  }
});

test("it has a new keeper when the old one is killed, and its users go on", async () => {
  const { use, lives, keeper } = homeOf("killed");
  const [one, other] = await Promise.all([use(), use()]);
  const killed = Number(keeper());
  process.kill(killed, "SIGKILL");
  await expect.poll(keeper, { timeout: 10_000 }).not.toBe(killed);
  await expect.poll(lives).toEqual(["up", "up"]);
  await one.stop();
  await other.stop();
  expect(lives()).toEqual(["up", "up", "down"]);
});

test("every user is told when its server dies, and when it stays down", async () => {
  const { use, put, warnings } = homeOf("lost");
  const users = await Promise.all([use(), use()]);
  put("dying");
  const said = "embedded server died: restarting it on its data";
  await expect.poll(() => warnings).toEqual([said, said]);
  put("lost");
  for (const { failed } of users) expect((await failed).message).toBe("embedded Kafka: died too often");
  for (const user of users) await user.stop();
});

test("one that another version of Sluice runs is told at once, and taken over when that one has ended", async () => {
  const { home, use, lives } = homeOf("older");
  const folder = servicesIn(home);
  const older = takeOwnership(folder, "kafka");
  writeFileSync(join(folder, "kafka.json"), JSON.stringify({ token: older.token, address: ADDRESS }));
  await expect(use()).rejects.toThrow(
    "kafka: another version of Sluice runs it in this home; stop that one's",
  );
  if (older.kind === "ours") older.release();
  const next = await use();
  await next.stop();
  expect(lives()).toEqual(["up", "down"]);
});

test("a start that fails says why, and leaves the home to the next", async () => {
  const { home, use, put, lives } = homeOf("broken");
  put("broken");
  await expect(use()).rejects.toThrow("embedded Kafka: no jars");
  rmSync(join(home, "broken"));
  const next = await use();
  await next.stop();
  expect(lives()).toEqual(["up", "down"]);
});
