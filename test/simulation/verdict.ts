import { isDeepStrictEqual } from "node:util";
import type { KafkaRecord } from "../../stream/kafka/broker.ts";
import type { SimBlock, SimChain } from "./chain.ts";
import { changedBy, flowsText, openFrom, rowsOf, rowText, watermarkOf } from "./figures.ts";
import type { OracleReorg, Outcome, Released } from "./oracle.ts";
import type { Story } from "./story.ts";

/** All that was ever committed to the topics of a run. */
export interface Topics {
  readonly final: readonly KafkaRecord[];
  readonly reorgs: readonly KafkaRecord[];
  readonly flows: readonly KafkaRecord[];
  readonly exchangeFlows: readonly KafkaRecord[];
}

/** Something is not as the oracle has it. */
export class Differs extends Error {
  override readonly name = "Differs";
}

/** Holds the topics to the outcome. Throws `Differs`. */
export function judgeTopics(
  topics: Topics,
  outcome: Outcome,
  { story, chain }: { readonly story: Story; readonly chain: SimChain },
): void {
  const { released } = outcome;
  same("final", topics.final.map(finalOf), released.map(expectedFinal));
  same(
    "reorgs",
    topics.reorgs.map(text),
    outcome.reorgs.map((reorg) => reorgText(reorg, chain)),
  );
  same(
    "flows",
    topics.flows.map(text),
    released.map(({ kind, block }) =>
      kind === "rewind" ? rewindText(block) : flowsText(block, story.timeRule),
    ),
  );
  judgeExchangeFlows(topics.exchangeFlows, standings(released), story);
}

/** The final chain as it stood after each release and rewind. */
function standings(released: readonly Released[]): readonly Standing[] {
  let blocks: readonly SimBlock[] = [];
  return released.map(({ kind, block }) => {
    blocks = kind === "block" ? [...blocks, block] : blocks.filter(({ height }) => height <= block.height);
    return { kind, blocks };
  });
}

interface Standing {
  readonly kind: Released["kind"];
  readonly blocks: readonly SimBlock[];
}

/** Flows of a block that a rewind put the chain back to: none. */
function rewindText({ height, hash, time }: SimBlock): string {
  return JSON.stringify({ height, hash, time, watermark: null, label_version: "none", legs: [], fees: [] });
}

/** Throws `Differs` where two lists part. */
export function same(what: string, found: readonly unknown[], expected: readonly unknown[]): void {
  const at = expected.findIndex((one, index) => !isDeepStrictEqual(found[index], one));
  if (at === -1 && found.length === expected.length) return;
  const place = at === -1 ? expected.length : at;
  throw new Differs(
    `${what} has ${found.length} entries instead of ${expected.length}; the first that differs is number ${place}: ` +
      `${JSON.stringify(found[place])} instead of ${JSON.stringify(expected[place])}`,
  );
}

/** After each block: the rows that it changed, as they are then, and its mark; after a rewind all rows are as they were at its height. */
function judgeExchangeFlows(
  records: readonly KafkaRecord[],
  standing: readonly Standing[],
  { timeRule }: Story,
): void {
  const sections = sectionsOf(records);
  same(
    "marks",
    sections.map(({ mark }) => mark),
    standing.map(({ blocks }) => markText(blocks, timeRule)),
  );
  const table = new Map<string, string>();
  for (const [at, { rows }] of sections.entries()) {
    const { kind, blocks } = standing[at] as Standing;
    const chain = { blocks, timeRule };
    const expected = rowsOf(chain);
    for (const [key, row] of rows) {
      if (row === "") table.delete(key);
      else table.set(key, row);
    }
    if (kind === "rewind") {
      const keys = [...new Set([...table.keys(), ...expected.keys()])].sort();
      const texts = new Map([...expected].map(([key, row]) => [key, rowText(row)]));
      same(
        "the rows after a rewind",
        keys.map((key) => table.get(key)),
        keys.map((key) => texts.get(key)),
      );
      continue;
    }
    const height = blocks.at(-1)?.height;
    const changed = [...changedBy(chain, expected)].sort();
    same(`the keys of block ${height} in exchange-flows`, [...rows.keys()].sort(), changed);
    same(
      `exchange-flows of block ${height}`,
      changed.map((key) => rows.get(key)),
      changed.map((key) => rowText(expected.get(key) ?? {})),
    );
  }
}

function sectionsOf(records: readonly KafkaRecord[]) {
  const sections: { readonly rows: ReadonlyMap<string, string>; readonly mark: string }[] = [];
  let rows = new Map<string, string>();
  for (const record of records) {
    if (record.key !== "watermark") rows.set(record.key, text(record));
    else {
      sections.push({ rows, mark: text(record) });
      rows = new Map();
    }
  }
  if (rows.size > 0) throw new Differs("exchange-flows does not end with a mark");
  return sections;
}

function markText(blocks: readonly SimBlock[], timeRule: Story["timeRule"]): string {
  const [first] = blocks as readonly [SimBlock];
  const { height, hash, time } = blocks.at(-1) as SimBlock;
  const chain = { blocks, timeRule };
  return JSON.stringify({
    height,
    hash,
    time,
    watermark: watermarkOf(chain),
    first_height: first.height,
    first_time: first.time,
    open_from: openFrom(chain),
  });
}

/** A reorg by its columns' names, the chain's left out. */
export function reorgRow({ rawOffset, oldTip, newTip, ancestor, orphaned }: OracleReorg, chain: SimChain) {
  const height = (hash: string) =>
    chain.get(hash)?.height ?? (chain.get(orphaned.at(-1) as string) as SimBlock).height - 1;
  return {
    raw_offset: rawOffset,
    old_tip_height: height(oldTip),
    old_tip_hash: oldTip,
    new_tip_height: height(newTip),
    new_tip_hash: newTip,
    ancestor_height: height(ancestor),
    ancestor_hash: ancestor,
    depth: orphaned.length,
  };
}

function reorgText(reorg: OracleReorg, chain: SimChain): string {
  return JSON.stringify({
    ...reorgRow(reorg, chain),
    orphaned: reorg.orphaned.map((one) => {
      const { height: at, hash, parent, time } = chain.get(one) as SimBlock;
      return { height: at, hash, parent, time };
    }),
  });
}

function finalOf(record: KafkaRecord) {
  const { height, hash, parent, time } = record.headers;
  return {
    key: record.key,
    height,
    hash,
    parent,
    time,
    bytes: text(record),
    finalized: record.headers["finalized"],
    rawNext: record.headers["raw-next"],
  };
}

function expectedFinal({ kind, block, rawNext }: Released) {
  const { height, hash, parent, time, bytes } = block;
  const text =
    kind === "block" ? Buffer.from(bytes).toString("utf8") : JSON.stringify({ rewind: 1, height, hash });
  return {
    key: kind === "block" ? hash : "rewind",
    height: String(height),
    hash,
    parent,
    time: String(time),
    bytes: text,
    finalized: undefined,
    rawNext: String(rawNext),
  };
}

function text({ value }: KafkaRecord): string {
  return Buffer.from(value ?? []).toString("utf8");
}
