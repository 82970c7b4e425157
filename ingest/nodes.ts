import type { Logger } from "pino";
import type { Clock } from "../stream/kafka/clock.ts";
import { abortable } from "./abort.ts";
import type { Answer, Unproven } from "./answer.ts";
import type { NodeLimits } from "./limits.ts";

/** No node of a chain gave a good answer for too long, or every one of them refuses us. Ends ingest with exit code 4. */
export class NodesUnreachable extends Error {
  override readonly name = "NodesUnreachable";
  readonly nodes: readonly { readonly node: string; readonly reason: string }[];
  constructor(why: string, nodes: readonly { readonly node: string; readonly reason: string }[]) {
    const said = nodes.map(({ node, reason }) => `${node}: ${reason}`).join("; ");
    super(`${why}${said === "" ? "" : ` (${said})`}; check the chain's RPC URLs and that its nodes are up`);
    this.nodes = nodes;
  }
}

/** What no node could prove: which proof, of which block, and who answered last. Ends ingest with exit code 5. */
export class ProofFailed extends Error {
  override readonly name = "ProofFailed";
  readonly proof: string;
  readonly height: number;
  readonly hash: string;
  readonly node: string;
  readonly reason: string;
  constructor(failed: Omit<Unproven, "kind"> & { readonly node: string }) {
    const { proof, block, node, reason, waivable } = failed;
    super(
      `proof ${proof} of block ${block.height} ${block.hash} failed on node ${node}: ${reason}; nothing was written: use another node${waivable ? ", or waive the proof" : ""}`,
    );
    this.proof = proof;
    this.height = block.height;
    this.hash = block.hash;
    this.node = node;
    this.reason = reason;
  }
}

/** A node that the pool can choose. `greet` checks that it serves the chain; it is called before the first question and after each outage. */
export interface ChainNode {
  readonly name: string;
  greet(signal: AbortSignal): Promise<Answer<void>>;
  close(): Promise<void>;
}

/** What the pool remembers of a node. */
interface Seat<N> {
  readonly node: N;
  greeted: Promise<Answer<void>> | undefined;
  readyAt: number;
  failures: number;
  /** Whether its trouble was logged. */
  failing: boolean;
  leftOut: boolean;
  /** Until when it has its turn after the others. */
  doubtedUntil: number;
  reason: string;
  /** What it last said of a block that it lacks. */
  lacking: string | undefined;
}

/** One question on its way through the nodes. */
interface Attempt<N> {
  readonly askedAt: number;
  /** Nodes that had their turn in this round and have no good answer. */
  readonly passed: Set<Seat<N>>;
  unproven: (Unproven & { readonly node: string }) | undefined;
  missing: boolean;
  proofRounds: number;
  refusedRounds: number;
}

/** Several nodes of one chain, most trusted first: failover, backoff, and the decision when to give up. */
export class Nodes<N extends ChainNode> {
  readonly #seats: readonly Seat<N>[];
  readonly #log: Logger;
  readonly #limits: NodeLimits;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  #goodAt = Number.NEGATIVE_INFINITY;

  constructor(nodes: readonly N[], edge: { log: Logger; limits: NodeLimits; clock: Clock }) {
    this.#seats = nodes.map((node) => ({
      node,
      greeted: undefined,
      readyAt: Number.NEGATIVE_INFINITY,
      failures: 0,
      failing: false,
      leftOut: false,
      doubtedUntil: Number.NEGATIVE_INFINITY,
      reason: "no answer",
      lacking: undefined,
    }));
    this.#log = edge.log;
    this.#limits = edge.limits;
    this.#clock = edge.clock;
  }

  /** Greets every node, and waits until one serves the chain. Throws `NodesUnreachable`. */
  async check(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#seats.map((seat) => this.#try(seat, async () => GREETED, signal)));
    await this.ask(async () => GREETED, signal);
  }

  /**
   * Asks the most trusted node that is ready, then the next ones; with backoff until one gives a good answer.
   * Undefined: the block is lacking, and no node that answers can prove it. Throws `NodesUnreachable`, `ProofFailed`; rejects when `signal` aborts.
   */
  async ask<T>(
    question: (node: N, signal: AbortSignal) => Promise<Answer<T>>,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const attempt: Attempt<N> = {
      askedAt: this.#clock.now(),
      passed: new Set(),
      unproven: undefined,
      missing: false,
      proofRounds: 0,
      refusedRounds: 0,
    };
    for (;;) {
      signal.throwIfAborted();
      const seat = this.#nextSeat(attempt);
      if (seat === undefined) {
        const pauseMs = this.#endRound(attempt);
        if (pauseMs === undefined) return undefined;
        await this.#clock.sleep(pauseMs, signal);
        continue;
      }
      const answer = await this.#try(seat, question, signal);
      if (answer.kind === "answer") return answer.value;
      if (answer.kind === "unproven") attempt.unproven = { ...answer, node: seat.node.name };
      if (answer.kind === "missing") attempt.missing = true;
      if (answer.kind === "unproven" || answer.kind === "missing") attempt.passed.add(seat);
    }
  }

  /** Whether there is but one. */
  get isLone(): boolean {
    return this.#seats.length === 1;
  }

  /** What each node last said of a block that it lacks; undefined where it had no words. */
  get lacking(): readonly { readonly node: string; readonly reason: string | undefined }[] {
    return this.#seats.map(({ node, lacking }) => ({ node: node.name, reason: lacking }));
  }

  /** Puts a node behind the others for a while: what it says of its chain leads nowhere. */
  doubt(node: N): void {
    this.#trustFrom(node, this.#clock.now() + this.#limits.leftOutMs);
  }

  /** Takes a doubt back. */
  trust(node: N): void {
    this.#trustFrom(node, Number.NEGATIVE_INFINITY);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#seats.map(({ node }) => node.close()));
  }

  #trustFrom(node: N, at: number): void {
    const seat = this.#seats.find((one) => one.node === node);
    if (seat !== undefined) seat.doubtedUntil = at;
  }

  /** The most trusted node that is ready and not in doubt; nobody waits for one that failed while another one answers. */
  #nextSeat(attempt: Attempt<N>): Seat<N> | undefined {
    const now = this.#clock.now();
    const ready = this.#seats.filter((seat) => seat.readyAt <= now && !attempt.passed.has(seat));
    const sound = ready.filter((seat) => !seat.failing);
    const chosen = sound.find((seat) => seat.doubtedUntil <= now) ?? sound[0];
    if (chosen === undefined) return ready[0];
    const better = chosen.doubtedUntil <= now ? ready.slice(0, ready.indexOf(chosen)) : ready;
    for (const seat of better) if (seat.failing) this.#recall(seat);
    return chosen;
  }

  /** Greets a node that failed, beside the work: a hanging one takes its time. It has its turn again when it answers. */
  #recall(seat: Seat<N>): void {
    const startedAt = this.#clock.now();
    const back = (greeting: Answer<void>) => {
      seat.readyAt = startedAt;
      if (greeting.kind !== "answer") return this.#note(seat, greeting, startedAt);
      this.#log.info({ node: seat.node.name }, "node answers again");
      seat.failing = false;
      seat.leftOut = false;
    };
    seat.readyAt = Number.POSITIVE_INFINITY;
    seat.greeted = seat.node.greet(this.#closing.signal);
    // Rejects only when all is being closed.
    seat.greeted.then(back).catch(() => undefined);
  }

  async #try<T>(
    seat: Seat<N>,
    question: (node: N, signal: AbortSignal) => Promise<Answer<T>>,
    signal: AbortSignal,
  ): Promise<Answer<T>> {
    const startedAt = this.#clock.now();
    seat.greeted ??= seat.node.greet(this.#closing.signal);
    const greeting = await abortable(seat.greeted, signal);
    const answer = greeting.kind === "answer" ? await question(seat.node, signal) : greeting;
    this.#note(seat, answer, startedAt);
    return answer;
  }

  #note(seat: Seat<N>, answer: Answer<unknown>, startedAt: number): void {
    const node = seat.node.name;
    switch (answer.kind) {
      case "answer":
        if (seat.failing) this.#log.info({ node }, "node answers again");
        this.#goodAt = this.#clock.now();
        seat.failures = 0;
        seat.failing = false;
        seat.leftOut = false;
        return;
      case "outage":
        this.#noteOutage(seat, answer, startedAt);
        return;
      case "refusal":
        if (!seat.leftOut) this.#log.warn({ node, reason: answer.reason }, "node left out");
        seat.greeted = undefined;
        seat.failing = true;
        seat.leftOut = true;
        seat.reason = answer.reason;
        seat.readyAt = this.#clock.now() + this.#limits.leftOutMs;
        return;
      case "unproven":
        this.#log.warn(
          { node, proof: answer.proof, block: answer.block, reason: answer.reason },
          "proof failed",
        );
        this.#backOff(seat, startedAt, 0);
        return;
      case "missing":
        seat.lacking = answer.reason;
        this.#backOff(seat, startedAt, 0);
        return;
    }
  }

  #noteOutage(seat: Seat<N>, outage: { reason: string; retryAfterMs?: number }, startedAt: number): void {
    if (!seat.failing) this.#log.warn({ node: seat.node.name, reason: outage.reason }, "node fails");
    seat.greeted = undefined;
    seat.failing = true;
    seat.leftOut = false;
    seat.reason = outage.reason;
    this.#backOff(seat, startedAt, Math.min(outage.retryAfterMs ?? 0, this.#limits.outageMs));
  }

  /** Lets others have the next turn. Many questions may fail by one cause: only those asked after the last backoff lengthen it. */
  #backOff(seat: Seat<N>, startedAt: number, toldMs: number): void {
    if (seat.readyAt > startedAt) return;
    const { firstBackoffMs, longestBackoffMs } = this.#limits;
    const ceilingMs = Math.min(longestBackoffMs, firstBackoffMs * 2 ** seat.failures);
    seat.failures += 1;
    seat.readyAt = this.#clock.now() + Math.max(toldMs, 1 + this.#clock.random() * ceilingMs);
  }

  /** No node is left to ask in this round: how long to pause before the next; undefined when nodes lack the block. */
  #endRound(attempt: Attempt<N>): number | undefined {
    // Where one node lacks what another can't prove, they are not on the same chain: the caller looks again.
    if (attempt.missing) return undefined;
    if (attempt.unproven !== undefined) {
      attempt.proofRounds += 1;
      if (attempt.proofRounds >= this.#limits.rounds) throw new ProofFailed(attempt.unproven);
      attempt.unproven = undefined;
      attempt.passed.clear();
      return this.#limits.roundPauseMs * attempt.proofRounds;
    }
    if (this.#seats.every((seat) => seat.leftOut)) return this.#endRefusedRound(attempt);
    const now = this.#clock.now();
    const endAt = Math.max(attempt.askedAt, this.#goodAt) + this.#limits.outageMs;
    if (now >= endAt) throw this.#unreachable(`no good answer for ${this.#limits.outageMs / 1000} s`);
    const readyAt = Math.min(...this.#seats.map((seat) => seat.readyAt));
    return Math.max(1, Math.min(readyAt, endAt) - now);
  }

  #endRefusedRound(attempt: Attempt<N>): number {
    attempt.refusedRounds += 1;
    if (attempt.refusedRounds >= this.#limits.rounds)
      throw this.#unreachable("no node serves this chain to us");
    const pauseMs = this.#limits.roundPauseMs * attempt.refusedRounds;
    const readyAt = this.#clock.now() + pauseMs;
    for (const seat of this.#seats) seat.readyAt = Math.min(seat.readyAt, readyAt);
    return pauseMs;
  }

  #unreachable(why: string): NodesUnreachable {
    return new NodesUnreachable(
      why,
      this.#seats.map((seat) => ({ node: seat.node.name, reason: seat.reason })),
    );
  }
}

const GREETED: Answer<void> = { kind: "answer", value: undefined };
