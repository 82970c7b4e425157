import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { runService } from "../../../runtime/services/service.ts";

/** A server that answers at once; the story says when each of its lives ends, and after how many it starts no more. */
function server(lives = Number.POSITIVE_INFINITY) {
  let launched = 0;
  let die: () => void = () => undefined;
  const plan = {
    name: "Kafka",
    output: "/none/output.txt",
    onDeath: undefined,
    probe: async () => {
      if (launched > lives) throw new Error("nobody answers");
    },
    launch: () => {
      launched += 1;
      const ended = new Promise<number>((resolve) => {
        die = () => resolve(137);
        if (launched > lives) resolve(1);
      });
      return { ended, stop: async () => die() };
    },
  };
  const dieAt = async (life: number) => {
    await expect.poll(() => launched, { interval: 1 }).toBe(life);
    die();
  };
  return { plan, dieAt, launched: () => launched };
}

test("a server that dies again and again is given up, and says so", async () => {
  const { plan, dieAt, launched } = server();
  const service = await runService(plan);
  for (let life = 1; life <= 10; life++) await dieAt(life);
  const said = "embedded Kafka: died 10 times in a row; see /none/output.txt";
  expect((await service.failed).message).toBe(said);
  expect(launched()).toBe(11);
  await service.stop();
});

test("a server that does not come up again is given up at once", async () => {
  const { plan, dieAt, launched } = server(1);
  const service = await runService(plan);
  await dieAt(1);
  expect((await service.failed).message).toContain(
    "embedded Kafka: did not start; the end of /none/output.txt",
  );
  expect(launched()).toBe(2);
  await service.stop();
});

test("a server that says that it hangs is started again, and no other one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-service-"));
  const output = join(folder, "output.txt");
  try {
    const { plan, launched } = server();
    // As a tether does: each life's output is its own.
    const launch = () => {
      rmSync(output, { force: true });
      return plan.launch();
    };
    const hanging = { ...plan, output, hanging: /out of sync/, launch };
    const service = await runService(hanging);
    writeFileSync(output, "ERROR a heartbeat came late\n");
    await sleep(2500);
    expect(launched()).toBe(1);
    writeFileSync(output, "ERROR the coordinator is out of sync with the log\n", { flag: "a" });
    await expect.poll(launched).toBe(2);
    await sleep(2500);
    expect(launched()).toBe(2);
    await service.stop();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a server that was stopped has not failed", async () => {
  const { plan, launched } = server();
  const service = await runService(plan);
  await service.stop();
  expect(await Promise.race([service.failed, sleep(20).then(() => "nothing")])).toBe("nothing");
  expect(launched()).toBe(1);
});
