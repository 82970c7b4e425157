import { setTimeout as sleep } from "node:timers/promises";
import type { StageReport } from "../../runtime/child.ts";
import type { ChainName } from "../../stream/block.ts";
import type { Copy } from "./copy.ts";

const LOOK_EVERY_MS = 20;
/** What a copy did before it was frozen, it may report after it was woken, or after its successor's first report. */
const IN_FLIGHT_MS = 2000;
/** A copy's reports and its log come by two pipes: by now also the line is read that says that the group is its own again. */
const OTHER_PIPE_MS = 1000;

/** Who works for a consumer group, and since when (`performance.now()`). */
export interface Owner {
  readonly copy: Copy;
  readonly sinceMs: number;
}

/** A copy that was frozen and was not given its group since (times as `Owner`'s). */
interface Sleeper {
  readonly wokenMs: number;
  /** When another copy first reported work of the group, so that it had fenced this one; Infinity: none did. */
  readonly replacedMs: number;
}

/** What is known of the pipeline from outside: who works, who waits, and when each group's output last grew. */
export class Watch {
  readonly #owners = new Map<string, Owner>();
  readonly #sleepers = new Map<Copy, Sleeper>();
  readonly #findings: string[] = [];
  readonly #askedAt = new Map<Copy, number>();
  readonly #outputs = new Map<string, number>();

  heardOfGroup(copy: Copy, group: string, news: "asked" | "given"): void {
    if (news === "asked") this.#askedAt.set(copy, performance.now());
    else {
      this.#owners.set(group, { copy, sinceMs: performance.now() });
      this.#sleepers.delete(copy);
    }
  }

  /** Where a copy that was frozen works although another took over, that is a finding. */
  heardReport(copy: Copy, { chain, event }: StageReport): void {
    const group = groupOf(chain, event);
    if (group === undefined) return;
    const now = performance.now();
    this.#outputs.set(group, now);
    for (const [other, { wokenMs, replacedMs }] of this.#sleepers)
      if (other !== copy && other.stage === copy.stage)
        this.#sleepers.set(other, { wokenMs, replacedMs: Math.min(replacedMs, now) });
    const sleeper = this.#sleepers.get(copy);
    if (sleeper === undefined) return;
    const lateMs = now - Math.max(sleeper.wokenMs, sleeper.replacedMs);
    if (lateMs > IN_FLIGHT_MS) this.#findUnlessGiven(copy, group, { what: event.kind, lateMs });
  }

  /** The copy is stopped in whatever it does. */
  frozen(copy: Copy): void {
    this.#sleepers.set(copy, { wokenMs: Number.POSITIVE_INFINITY, replacedMs: Number.POSITIVE_INFINITY });
  }

  woken(copy: Copy): void {
    const sleeper = this.#sleepers.get(copy);
    if (sleeper !== undefined) this.#sleepers.set(copy, { ...sleeper, wokenMs: performance.now() });
  }

  /** What copies reported that must not be. */
  get findings(): readonly string[] {
    return this.#findings;
  }

  /** The copy's process is gone, and with it what it had. */
  gone(copy: Copy): void {
    this.#askedAt.delete(copy);
    this.#sleepers.delete(copy);
    for (const [group, owner] of this.#owners) if (owner.copy === copy) this.#owners.delete(group);
  }

  ownerOf(group: string): Owner | undefined {
    return this.#owners.get(group);
  }

  /** When the group's output last grew; before everything where it never did. */
  outputAt(group: string): number {
    return this.#outputs.get(group) ?? 0;
  }

  #findUnlessGiven(
    copy: Copy,
    group: string,
    { what, lateMs }: { readonly what: string; readonly lateMs: number },
  ): void {
    const judge = () => {
      if (this.ownerOf(group)?.copy === copy) return;
      this.#findings.push(
        `${copy.stage} ${copy.number} was frozen and replaced, and reported "${what}" ${Math.round(lateMs)} ms after that`,
      );
    };
    setTimeout(judge, OTHER_PIPE_MS).unref();
  }

  /** Whether the copy has been in its group for `forMs`. */
  isSettled(copy: Copy, forMs: number): boolean {
    return performance.now() - (this.#askedAt.get(copy) ?? Infinity) >= forMs;
  }
}

function groupOf(chain: ChainName, event: StageReport["event"]): string | undefined {
  switch (event.kind) {
    case "announced":
      return `ingest-${chain}`;
    case "released":
      return `gate-${chain}`;
    case "written":
      return `${event.stage}-${chain}`;
    case "stored":
      return `${event.store}-${chain}`;
    case "reorg":
      return undefined;
  }
}

/** Resolves with the first defined answer; undefined when none came within `patienceMs`. */
export async function waitFor<T>(patienceMs: number, look: () => T | undefined): Promise<T | undefined> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const found = look();
    if (found !== undefined || performance.now() > end) return found;
    await sleep(LOOK_EVERY_MS);
  }
}
