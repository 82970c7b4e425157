import type { FinalityPolicy } from "../../stream/finality.ts";
import type { KafkaRecord } from "../../stream/kafka/broker.ts";
import type { SimBlock, SimChain } from "./chain.ts";

/** A reorg as it must be told. */
export interface OracleReorg {
  readonly rawOffset: number;
  readonly oldTip: string;
  readonly newTip: string;
  /** The hash of the newest block that stays. */
  readonly ancestor: string;
  /** Newest first. */
  readonly orphaned: readonly string[];
}

/** What the gate released, or the block that a rewind put the chain back to. */
export interface Released {
  readonly kind: "block" | "rewind";
  readonly block: SimBlock;
  /** The offset of raw behind the announcement by which the block stands, or from which the gate goes on after the rewind. */
  readonly rawNext: number;
}

/** An operator's rewind, as the logs tell of it. */
export interface Rewind {
  readonly height: number;
  /** How many blocks were final and how many reorgs told before it. */
  readonly finals: number;
  readonly reorgs: number;
  /** Where raw ended then, and the offset of raw from which the gate goes on. */
  readonly rawEnd: number;
  readonly from: number;
}

/** What must come of a raw topic. */
export interface Outcome {
  /** What is final in the end: each block once, in order. */
  readonly final: readonly SimBlock[];
  /** All that was released, in order, what was taken back included. */
  readonly released: readonly Released[];
  readonly reorgs: readonly OracleReorg[];
  /** The raw offset at which the gate must halt; undefined: nowhere. */
  readonly haltsAt: number | undefined;
}

/** How raw is read. */
export interface Reading {
  readonly policy: FinalityPolicy;
  /** A rewind may announce a branch once more. */
  readonly mayRepeat: boolean;
  readonly rewind: Rewind | undefined;
}

/** What is so, whatever nodes say: all blocks, and those that the chain called finalized. */
export interface Truth {
  readonly chain: SimChain;
  readonly finalized: ReadonlySet<string>;
}

/** Raw holds what ingest must never write. */
export class RawWrong extends Error {
  override readonly name = "RawWrong";
}

/**
 * Works out, from raw and the chain alone and without a line of the product's, what is final and which reorgs there were:
 * for each announcement the whole chain below it is walked anew.
 */
export function outcomeOf(raw: readonly KafkaRecord[], truth: Truth, reading: Reading): Outcome {
  const { rewind } = reading;
  if (rewind === undefined) {
    const only = walk(raw, truth, { ...reading, kept: [], earlier: [] });
    return { ...only, released: only.final.map(releasedBy(only)) };
  }
  const before = walk(
    raw.filter(({ offset }) => offset < rewind.rawEnd),
    truth,
    { ...reading, kept: [], earlier: [] },
  );
  const told = before.final.slice(0, rewind.finals);
  const kept = told.filter(({ height }) => height <= rewind.height);
  const later = raw.filter(({ offset }) => offset >= rewind.from);
  const to = kept.at(-1) as SimBlock;
  checkBranch(
    later.filter(({ offset }) => offset < rewind.rawEnd),
    to,
  );
  const earlier = raw.filter(({ offset }) => offset < rewind.from);
  const after = walk(later, truth, { ...reading, kept, earlier });
  return {
    ...after,
    reorgs: [...before.reorgs.slice(0, rewind.reorgs), ...after.reorgs],
    released: [
      ...told.map(releasedBy(before)),
      { kind: "rewind", block: to, rawNext: rewind.from },
      ...after.final.slice(kept.length).map(releasedBy(after)),
    ],
  };
}

/** The blocks that were final and that a rewind took back, each as often as it was. */
export function takenBack({ released }: Pick<Outcome, "released">): readonly SimBlock[] {
  const at = released.findIndex(({ kind }) => kind === "rewind");
  if (at === -1) return [];
  const { height } = (released[at] as Released).block;
  return released.slice(0, at).flatMap(({ block }) => (block.height > height ? [block] : []));
}

/** The final chain before a rewind; without one: none. */
export function chainBefore({ released }: Pick<Outcome, "released">): readonly SimBlock[] {
  const at = released.findIndex(({ kind }) => kind === "rewind");
  return released.slice(0, Math.max(0, at)).map(({ block }) => block);
}

function releasedBy({ announcedAt }: Walked): (block: SimBlock) => Released {
  return (block) => ({ kind: "block", block, rawNext: (announcedAt.get(block.hash) as number) + 1 });
}

/** What was announced before a rewind, and is read after it, is one branch above the block that the chain goes on from. */
function checkBranch(records: readonly KafkaRecord[], to: SimBlock): void {
  let tip: string = to.hash;
  for (const record of records) {
    if (record.headers["parent"] !== tip)
      throw wrong(record, "is read after the rewind, and is not of the newest branch");
    tip = record.key;
  }
}

/** What comes of a walk through raw. */
interface Walked extends Omit<Outcome, "released"> {
  /** Where each block's announcement stands that put it on its branch last. */
  readonly announcedAt: ReadonlyMap<string, number>;
}

/** Works through raw from where `kept` is final; `earlier`: records that stand before those. */
function walk(
  raw: readonly KafkaRecord[],
  truth: Truth,
  {
    policy,
    mayRepeat,
    kept,
    earlier,
  }: Reading & { readonly kept: readonly SimBlock[]; readonly earlier: readonly KafkaRecord[] },
): Walked {
  const { chain } = truth;
  const announcedAt = new Map<string, number>();
  let branch: readonly SimBlock[] = kept;
  const final: SimBlock[] = [...kept];
  const reorgs: OracleReorg[] = [];
  const known = new Set<string>(earlier.map(({ key }) => key));
  for (const record of raw) {
    const block = checked(record, truth, known);
    known.add(block.hash);
    if (branch.includes(block)) {
      const again = policy.kind === "tag" && block === branch.at(-1);
      if (!again && !mayRepeat) throw wrong(record, "is announced again, and nothing has changed");
    } else {
      const next = chain.upTo(block);
      if (final.some((released, at) => next[at] !== released))
        return { final, reorgs, haltsAt: record.offset, announcedAt };
      const orphaned = branch.filter((old) => !next.includes(old)).reverse();
      if (orphaned.length > 0) {
        const stays = branch.length - orphaned.length;
        reorgs.push({
          rawOffset: record.offset,
          oldTip: (branch.at(-1) as SimBlock).hash,
          newTip: block.hash,
          ancestor: branch[stays - 1]?.hash ?? block.parent,
          orphaned: orphaned.map(({ hash }) => hash),
        });
      }
      branch = next;
      announcedAt.set(block.hash, record.offset);
    }
    final.push(...branch.slice(final.length, Math.max(final.length, finalCount(branch, record, policy))));
  }
  return { final, reorgs, haltsAt: undefined, announcedAt };
}

function finalCount(branch: readonly SimBlock[], record: KafkaRecord, policy: FinalityPolicy): number {
  if (policy.kind === "confirmations") return branch.length - policy.confirmations + 1;
  const named = record.headers["finalized"]?.split(":")[1];
  return branch.findIndex(({ hash }) => hash === named) + 1;
}

/** The block of a raw record, whose headers and bytes are the chain's own and whose parent came before. */
function checked(record: KafkaRecord, { chain, finalized }: Truth, known: ReadonlySet<string>): SimBlock {
  const block = chain.get(record.key);
  if (block === undefined) throw wrong(record, "is no block of the chain");
  const { headers } = record;
  const same =
    headers["hash"] === block.hash &&
    headers["parent"] === block.parent &&
    headers["height"] === String(block.height) &&
    headers["time"] === String(block.time);
  if (!same) throw wrong(record, `has other headers than its block: ${JSON.stringify(headers)}`);
  if (Buffer.compare(record.value ?? new Uint8Array(), block.bytes) !== 0)
    throw wrong(record, "has other bytes than its block");
  if (chain.get(block.parent) !== undefined && !known.has(block.parent))
    throw wrong(record, "comes before its parent");
  const named = headers["finalized"]?.split(":");
  if (
    named !== undefined &&
    !(finalized.has(named[1] ?? "") && chain.get(named[1] ?? "")?.height === Number(named[0]))
  )
    throw wrong(record, `names a finalized block that is none: ${named.join(" ")}`);
  return block;
}

function wrong(record: KafkaRecord, what: string): RawWrong {
  return new RawWrong(
    `the record at offset ${record.offset} of raw (${record.headers["height"]} ${record.key.slice(0, 10)}) ${what}`,
  );
}
