import type { BlockRef } from "../block.ts";
import { flowsFromJson, flowsToJson } from "../flow/json.ts";
import type { LabelBook } from "../flow/labels.ts";
import type { FlowRule } from "../flow/rule.ts";
import { headerHeight } from "./beginning.ts";
import { blockHeaderOf, bytesOf, textOf } from "./block-record.ts";
import type { KafkaRecord } from "./broker.ts";
import { TopicEmptied } from "./errors.ts";
import { type Holder, type Outcome, readAllAgain, runHold } from "./hold.ts";
import { assertFollows } from "./order.ts";
import { flowsRewind, isRewind, rewindHeaders, rewindsOf, type Standing, stands } from "./rewind-record.ts";
import type { StageContext } from "./stage.ts";
import { readLast } from "./tail.ts";

/** How a chain's blocks become flows. `book` is asked for each block, so that changed labels apply from the next one on. */
export interface FlowsDeps {
  readonly rule: FlowRule;
  readonly book: () => LabelBook;
}

/** Final → flows, one record a block, exactly once: the hold pattern of a stage that needs nothing but the next block. */
export async function runFlows(context: StageContext, deps: FlowsDeps): Promise<void> {
  const { broker, topics } = context;
  const last = async () => {
    const record = await readLast(broker, topics.flows);
    return record === undefined
      ? undefined
      : { ...flowsFromJson(textOf(record)), rewinds: rewindsOf(record) };
  };
  await runHold(context, {
    stage: "flows",
    input: topics.final,
    heightOf: headerHeight,
    outputs: [topics.flows],
    mendMoved: readAllAgain,
    standing: async () => (await last())?.height,
    open: async (committed) => {
      const standing = await last();
      if (committed !== undefined && standing === undefined) throw new TopicEmptied(topics.flows);
      return new Flows(context, deps, standing);
    },
  });
}

class Flows implements Holder {
  readonly #context: StageContext;
  readonly #deps: FlowsDeps;
  #last: (BlockRef & Standing) | undefined;
  /** Offset of the first block above `until`. */
  #above: number | undefined;

  constructor(context: StageContext, deps: FlowsDeps, last: (BlockRef & Standing) | undefined) {
    this.#context = context;
    this.#deps = deps;
    this.#last = last;
  }

  *process(record: KafkaRecord): Generator<Outcome> {
    const header = blockHeaderOf(record);
    const rewinds = rewindsOf(record);
    if (stands({ ...header, rewinds }, this.#last)) return;
    if (this.#context.until !== undefined && header.height > this.#context.until) {
      this.#above = record.offset;
      return;
    }
    if (!isRewind(record)) assertFollows(record, this.#last, header);
    const { flows: topic } = this.#context.topics;
    this.#last = { ...header, rewinds };
    const flowed = isRewind(record)
      ? flowsRewind(topic, header, rewinds)
      : { topic, key: header.hash, value: this.#flowsOf(record), ...headersOf(rewinds) };
    const event = { kind: "written", stage: "flows", height: header.height } as const;
    yield { records: [flowed], hold: record.offset + 1, event };
  }

  hold(next: number): number {
    return this.#above ?? next;
  }

  done(): boolean {
    const { until } = this.#context;
    return until !== undefined && (this.#above !== undefined || (this.#last?.height ?? -1) >= until);
  }

  async close(): Promise<void> {}

  #flowsOf(record: KafkaRecord): Uint8Array {
    const { headers } = record;
    const proofs = new Set((headers["proofs"] ?? "").split(",").filter((proof) => proof !== ""));
    const block = { ...blockHeaderOf(record), proofs, headers, value: bytesOf(record) };
    return Buffer.from(flowsToJson(this.#deps.rule(block, this.#deps.book())));
  }
}

/** No headers at all on a chain that was never rewound. */
function headersOf(rewinds: number) {
  return rewinds === 0 ? {} : { headers: rewindHeaders(rewinds) };
}
