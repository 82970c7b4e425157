import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DISK, type Disk } from "../../warehouse/disk.ts";
import { replaceFile } from "../../warehouse/durable.ts";
import { SimDisk } from "./disk.ts";
import { SimProcess } from "./process.ts";
import { seeded } from "./random.ts";
import { Scheduler } from "./scheduler.ts";

/** Something is done to a disk; resolves with what comes of it. */
type Deed = (disk: Disk, home: string) => Promise<unknown>;

const paths = ["a", "a/b", "a/b/f", "a/f", "c", "c/g", "f"];

const deeds: fc.Arbitrary<Deed> = fc
  .tuple(
    fc.constantFrom("list", "exists", "makeFolders", "write", "append", "rename", "remove"),
    fc.constantFrom(...paths),
    fc.constantFrom(...paths),
  )
  .map(([kind, path, other]) => async (disk, home) => {
    const at = join(home, path);
    // Deeds that the real one refuses for reasons the lake never gives it are left out: a file where a folder stands.
    const isFolder = await disk.list(at).then(
      () => true,
      () => false,
    );
    const isFile = (await disk.exists(at)) && !isFolder;
    switch (kind) {
      case "list":
        return isFile ? undefined : [...(await disk.list(at))].sort();
      case "exists":
        return disk.exists(at);
      case "makeFolders":
        return path.endsWith("f") || path.endsWith("g")
          ? undefined
          : (await disk.makeFolders(at))?.replace(home, "");
      case "write":
      case "append":
        return path.endsWith("f") || path.endsWith("g") ? disk[kind](at, other) : undefined;
      case "rename":
        return path.at(-1) === "f" && other.at(-1) === "f" && path !== other
          ? disk.rename(at, join(home, other))
          : undefined;
      case "remove":
        return disk.remove(at);
    }
  });

async function play(list: readonly Deed[], disk: Disk, home: string): Promise<readonly unknown[]> {
  const outcomes: unknown[] = [];
  for (const deed of list)
    outcomes.push(await deed(disk, home).catch((error: NodeJS.ErrnoException) => error.code));
  return outcomes;
}

function bed(seed: number) {
  const scheduler = new Scheduler(seed);
  const process = new SimProcess("a", scheduler, {
    at: () => undefined,
    fault: () => false,
    powerCut: () => undefined,
  });
  const whole = new SimDisk(seeded(seed));
  return { scheduler, whole, disk: whole.open(process) };
}

describe("the simulated disk", () => {
  test("does what the real one does", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deeds, { maxLength: 25 }), async (list) => {
        const { scheduler, disk } = bed(1);
        const simulated = scheduler.drive(disk.makeFolders("/home").then(() => play(list, disk, "/home")));
        const home = mkdtempSync(join(tmpdir(), "sluice-disk-"));
        try {
          expect(await simulated).toEqual(await play(list, DISK, home));
        } finally {
          rmSync(home, { recursive: true });
        }
      }),
      { numRuns: 100 },
    );
  });

  test("keeps a file that was put in place durably, old or new, through every power cut", async () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const { scheduler, whole, disk } = bed(seed);
      await scheduler.drive(
        (async () => {
          await disk.makeFolders("/staging");
          for (const text of ["old", "new"]) {
            await disk.write("/staging/f", text);
            await replaceFile("/staging/f", "/lake/day/f", disk);
          }
          await disk.write("/staging/f", "newer");
        })(),
      );
      whole.powerCut();
      expect(whole.read("/lake/day/f")).toBe("new");
    }
  });

  test("loses, tears or keeps what was not synced", async () => {
    const found = new Set<string | undefined>();
    for (let seed = 1; seed <= 200; seed += 1) {
      const { scheduler, whole, disk } = bed(seed);
      await scheduler.drive(disk.write("/f", "text"));
      whole.powerCut();
      found.add(whole.read("/f"));
    }
    expect(found).toEqual(new Set([undefined, "", "t", "te", "tex", "text"]));
  });
});
