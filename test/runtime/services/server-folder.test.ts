import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { serverFolder, serverUser } from "../../../runtime/services/postgres-files.ts";
import { removeHome, temporaryHome } from "../../services.ts";

test("the database lies in the home", () => {
  const home = temporaryHome("server-folder");
  expect(serverFolder(home, serverUser())).toBe(realpathSync(join(home, "postgres")));
  removeHome(home);
});

test.skipIf(process.getuid?.() !== 0)(
  "out of a home that only root may enter it lies elsewhere, says whose it is, and goes with the home",
  () => {
    const closed = mkdtempSync(join(tmpdir(), "sluice-closed-"));
    const home = join(closed, "home");
    mkdirSync(home);
    const folder = serverFolder(home, serverUser());
    expect(folder).toMatch(/^\/var\/lib\/sluice\/postgres-\w+$/);
    expect(serverFolder(home, serverUser())).toBe(folder);
    expect(readFileSync(join(folder, "home.txt"), "utf8")).toBe(`${join(home, "postgres")}\n`);
    removeHome(home);
    expect([existsSync(folder), existsSync(home)]).toEqual([false, false]);
    removeHome(closed);
  },
);
