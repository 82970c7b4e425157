import { createServer } from "node:net";
import { expect, test, vi } from "vitest";

/** The lots, one after the other. */
const lots = vi.hoisted(() => [] as number[]);
vi.mock("node:crypto", async (original) => ({
  ...(await original<typeof import("node:crypto")>()),
  randomInt: () => lots.shift(),
}));
const { freePort } = await import("../../../runtime/services/port.ts");

test("ports by lot are free, and each is given once, before anything listens on it too", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port: taken } = server.address() as { port: number };
  lots.push(31_901, 31_901, taken, 31_901, 31_902);
  expect([await freePort("a"), await freePort("b")]).toEqual([31_901, 31_902]);
  expect(await freePort("again", 31_901)).toBe(31_901);
  lots.push(31_903, 31_904);
  expect([await freePort("as before", 31_903), await freePort("beside it")]).toEqual([31_903, 31_904]);
  server.close();
});
