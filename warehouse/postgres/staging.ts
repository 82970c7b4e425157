import type { BlockHeader, ChainName } from "../../stream/block.ts";
import {
  flowsFromJson,
  hourlyFromJson,
  markFromJson,
  RecordInvalid,
  reorgFromJson,
  WATERMARK_KEY,
} from "../../stream/flow/json.ts";
import type { WatermarkMark } from "../../stream/flow/leg.ts";
import { blockHeaderOf, textOf } from "../../stream/kafka/block-record.ts";
import type { KafkaRecord } from "../../stream/kafka/broker.ts";
import { isRewind, rewindsOf } from "../../stream/kafka/rewind-record.ts";
import { unreachable } from "../../stream/unreachable.ts";
import { blockFields, type Field, legFields } from "../rows.ts";
import type { Target } from "./copy.ts";
import { BLOCKS, EXCHANGE_FLOWS_HOURLY, FLOW_LEGS, hourlyRow, REORGS, reorgRow } from "./rows.ts";
import { hoursTakenBack, type TakenBack } from "./take-back.ts";

/** Which of a chain's topics records come from. */
export type TopicKind = "final" | "reorgs" | "flows" | "exchangeFlows";

/** Rows for one table. */
interface TableRows {
  readonly target: Target;
  readonly rows: readonly (readonly Field[])[];
}

/** What a batch of one topic does to the tables, worked out before the database transaction begins. */
export interface Staged {
  readonly tables: readonly TableRows[];
  /** First days (`YYYY-MM-01`) of the months in which legs fall. */
  readonly months: readonly string[];
  /** First and last final block of the batch. */
  readonly final: { readonly first: BlockHeader; readonly last: BlockHeader } | undefined;
  /** The last mark of the batch. */
  readonly mark: WatermarkMark | undefined;
  /** Height of the last block whose outcome is wholly in the batch. */
  readonly through: number | undefined;
  /** The versions of labels by which legs of the batch were made. */
  readonly labelVersions: readonly string[];
  /** What is taken back before all this is written. */
  readonly takenBack: TakenBack | undefined;
}

const NOTHING = {
  tables: [],
  months: [],
  final: undefined,
  mark: undefined,
  through: undefined,
  labelVersions: [],
  takenBack: undefined,
};

/** Works out the rows of a batch (what a rewind wrote stands alone), each key once. Throws `RecordInvalid` (offset and topic named) when a record can't be read. */
export function stageRecords(kind: TopicKind, chain: ChainName, records: readonly KafkaRecord[]): Staged {
  const [first] = records;
  if (first !== undefined && isRewind(first)) return stageRewind(kind, first);
  switch (kind) {
    case "final":
      return stageFinal(chain, records.map(blockHeaderOf));
    case "reorgs":
      return stageReorgs(chain, records.map(read(reorgFromJson)));
    case "flows":
      return stageFlows(chain, records.map(read(flowsFromJson)));
    case "exchangeFlows":
      return stageExchangeFlows(chain, records);
    default:
      return unreachable(kind);
  }
}

function stageRewind(kind: TopicKind, record: KafkaRecord): Staged {
  const rewind = rewindsOf(record);
  if (kind === "final") {
    const to = blockHeaderOf(record);
    return { ...NOTHING, through: to.height, takenBack: { kind: "blocks", rewind, to } };
  }
  const { height } = read(flowsFromJson)(record);
  return { ...NOTHING, through: height, takenBack: { kind: "legs", rewind, height } };
}

function stageFinal(chain: ChainName, blocks: readonly BlockHeader[]): Staged {
  const [first] = blocks;
  const last = blocks.at(-1);
  if (first === undefined || last === undefined) return NOTHING;
  const rows = blocks.map((block) => blockFields(chain, block, "final"));
  return { ...NOTHING, tables: [{ target: BLOCKS, rows }], final: { first, last }, through: last.height };
}

function stageReorgs(chain: ChainName, reorgs: ReturnType<typeof reorgFromJson>[]): Staged {
  // A block may be orphaned twice in one batch.
  const orphaned = new Map(reorgs.flatMap((reorg) => reorg.orphaned).map((block) => [block.hash, block]));
  const blocks = [...orphaned.values()].map((block) => blockFields(chain, block, "orphaned"));
  return {
    ...NOTHING,
    tables: [
      { target: REORGS, rows: reorgs.map((reorg) => reorgRow(chain, reorg)) },
      { target: BLOCKS, rows: blocks },
    ],
  };
}

function stageFlows(chain: ChainName, blocks: ReturnType<typeof flowsFromJson>[]): Staged {
  const withLegs = blocks.filter((flows) => flows.legs.length > 0);
  return {
    ...NOTHING,
    tables: [{ target: FLOW_LEGS, rows: withLegs.flatMap((flows) => legFields(chain, flows)) }],
    months: [...new Set(withLegs.map((flows) => monthOf(flows.time)))],
    through: blocks.at(-1)?.height,
    labelVersions: [...new Set(withLegs.map((flows) => flows.labelVersion))],
  };
}

function stageExchangeFlows(chain: ChainName, records: readonly KafkaRecord[]): Staged {
  const last = new Map(records.map((record) => [record.key, record]));
  const rows = [...last.values()]
    .filter((record) => record.key !== WATERMARK_KEY && record.value !== null)
    .map(read((text) => hourlyRow(chain, hourlyFromJson(text))));
  const marked = last.get(WATERMARK_KEY);
  const mark = marked === undefined ? undefined : read(markFromJson)(marked);
  return {
    ...NOTHING,
    tables: [{ target: EXCHANGE_FLOWS_HOURLY, rows }],
    mark,
    through: mark?.height,
    takenBack: hoursTakenBack(records),
  };
}

/** Reads a record's text by `fromJson`; what can't be read says where it stands. */
function read<T>(fromJson: (text: string) => T): (record: KafkaRecord) => T {
  return (record) => {
    const text = textOf(record);
    try {
      return fromJson(text);
    } catch (cause) {
      if (!(cause instanceof RecordInvalid)) throw cause;
      throw new RecordInvalid(`${record.topic} at offset ${record.offset}: ${cause.message}`, { cause });
    }
  };
}

function monthOf(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 7)}-01`;
}
