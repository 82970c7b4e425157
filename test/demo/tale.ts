import type { StageReport } from "../../runtime/child.ts";
import { countOf, type Pictures, pictureOf } from "./picture.ts";
import { CHAINS, clockAt, type DemoChain } from "./plan.ts";

/** Blocks of five hours of chain time: so often the plain story sums up. */
const CHAPTER = 30;

/** What one report adds to the story, in plain lines; `pictures` are as they stand after it. */
export function tell(pictures: Pictures, { chain: name, event }: StageReport): readonly string[] {
  const chain = CHAINS.find((one) => one.name === name);
  if (chain === undefined) return [];
  switch (event.kind) {
    case "reorg": {
      const heights = event.orphaned.map((block) => block.height).sort((a, b) => a - b);
      const blocks = heights.length === 1 ? "block" : "blocks";
      return [
        `  reorg on ${chain.title}: ${blocks} ${heights.join(", ")} orphaned before being final; the new tip is ${event.newTip.height}`,
      ];
    }
    case "released":
      return (event.block.height - chain.start) % CHAPTER === 0
        ? [chapter(chain, pictures, event.block.height)]
        : [];
    case "announced":
    case "written":
    case "stored":
      return [];
  }
}

function chapter(chain: DemoChain, pictures: Pictures, height: number): string {
  const picture = pictureOf(pictures, chain);
  const counts = `${countOf(picture, "final")} final, ${countOf(picture, "withheld")} withheld, ${countOf(picture, "orphaned")} orphaned`;
  const { postgres, parquet } = picture.stored;
  return `${chain.title} ${clockAt(chain, height)}: block ${height} is final; ${picture.blocks.size} blocks arrived: ${counts}; stored up to ${postgres} in Postgres, ${parquet} in the lake`;
}
