import type { BlockHeader } from "../stream/block.ts";
import type { Fault } from "./answer.ts";
import type { Span } from "./source.ts";

/** The heights of a span, ascending; none where no span was asked for. */
export function heightsOf(span: Span | undefined): readonly number[] {
  return span === undefined
    ? []
    : Array.from({ length: span.to - span.from + 1 }, (_, index) => span.from + index);
}

/** Below its head a node has every block, each the parent of the next; the head itself may be newer than the rest of the batch. */
export function contradiction(
  headers: ReadonlyMap<number, BlockHeader | undefined>,
  head: BlockHeader,
): Fault | undefined {
  for (const [height, header] of headers) {
    if (height >= head.height) continue;
    if (header === undefined) {
      return { kind: "outage", reason: `block ${height} is null, and the head is ${head.height}` };
    }
    const below = headers.get(height - 1);
    if (below === undefined || below.hash === header.parent) continue;
    return {
      kind: "unproven",
      proof: "header",
      block: header,
      reason: "its parent is not the block below it",
      waivable: false,
    };
  }
  return undefined;
}
