import { readdir, readFile } from "node:fs/promises";
import type { Story } from "./story.ts";

/** A story that failed once. */
export interface Kept {
  readonly name: string;
  /** What it showed. */
  readonly why: string;
  readonly story: Story;
}

const FOLDER = new URL("./kept/", import.meta.url);

/** All stories that failed once, by the files in `kept/`. */
export async function keptStories(): Promise<readonly Kept[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith(".json")).sort();
  return Promise.all(
    names.map(async (name) => {
      const { why, story } = JSON.parse(await readFile(new URL(name, FOLDER), "utf8")) as Omit<Kept, "name">;
      return { name, why, story };
    }),
  );
}
