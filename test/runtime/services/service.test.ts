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

test("a server that was stopped has not failed", async () => {
  const { plan, launched } = server();
  const service = await runService(plan);
  await service.stop();
  expect(await Promise.race([service.failed, sleep(20).then(() => "nothing")])).toBe("nothing");
  expect(launched()).toBe(1);
});
