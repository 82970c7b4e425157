import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { takeOwnership } from "../../../runtime/services/ownership.ts";
import { removeHome, temporaryHome } from "../../services.ts";
import { runModule } from "../../support/module.ts";

const home = temporaryHome("ownership");
afterAll(() => removeHome(home));

test("is held until it is released, then goes to the next that asks", () => {
  const folder = join(home, "released");
  const first = takeOwnership(folder, "kafka");
  expect(first.kind).toBe("ours");
  expect(takeOwnership(folder, "kafka")).toEqual({ kind: "held", token: first.token });
  if (first.kind === "ours") first.release();
  expect(takeOwnership(folder, "kafka").kind).toBe("ours");
  expect(readdirSync(folder)).toEqual(["kafka.owner.2"]);
});

test("is one per service", () => {
  const folder = join(home, "two");
  expect(takeOwnership(folder, "kafka").kind).toBe("ours");
  expect(takeOwnership(folder, "postgres").kind).toBe("ours");
});

test("dies with its process, and of many that see it dead one gets it", async () => {
  const folder = join(home, "killed");
  const take = `import { takeOwnership } from "runtime/services/ownership.js";
     console.log(takeOwnership(${JSON.stringify(folder)}, "kafka").kind);`;
  const owner = runModule(take);
  expect(await owner.line()).toBe("ours");
  expect(takeOwnership(folder, "kafka").kind).toBe("held");
  const ended = new Promise((resolve) => owner.child.once("exit", resolve));
  owner.kill("SIGKILL");
  await ended;
  const heirs = Array.from({ length: 6 }, () => runModule(take));
  const kinds = await Promise.all(heirs.map((heir) => heir.line()));
  for (const heir of heirs) heir.kill("SIGKILL");
  expect(kinds.toSorted()).toEqual(["held", "held", "held", "held", "held", "ours"]);
});
