import type { StageContext } from "../stream/kafka/stage.ts";
import { readLast } from "../stream/kafka/tail.ts";

/**
 * Says once, by a warning, in what the proofs of the first block that it is told of differ from those of raw's newest record:
 * whoever wrote that one had other `traces` or `waive`. Nothing is refused, since both may be wanted from here on.
 */
export async function watchProofs({
  broker,
  topics,
  log,
}: StageContext): Promise<(proofs: readonly string[]) => void> {
  let before = (await readLast(broker, topics.raw))?.headers["proofs"]?.split(",");
  return (proofs) => {
    const known = before;
    before = undefined;
    if (known === undefined) return;
    const noLonger = known.filter((proof) => proof !== "" && !proofs.includes(proof));
    const newly = proofs.filter((proof) => !known.includes(proof));
    if (noLonger.length + newly.length === 0) return;
    log.warn(
      { noLonger, newly },
      "from here on blocks are proven otherwise than before: where that was not meant, give all copies of ingest one config",
    );
  };
}
