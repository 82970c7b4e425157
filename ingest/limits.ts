import { MAX_ANSWER_BYTES } from "./answer.ts";

/** How patient the pool is with its nodes. */
export interface NodeLimits {
  /** This long without one good answer ends ingest (DESIGN §3: five minutes). */
  readonly outageMs: number;
  /** Backoff of a failing node: full jitter below the first, doubled up to the longest. */
  readonly firstBackoffMs: number;
  readonly longestBackoffMs: number;
  /** When a node that was left out (refusal, other chain) is asked again, and how long one in doubt stands behind the others. */
  readonly leftOutMs: number;
  /** How long one head is taken for the chain's newest before another node is asked. */
  readonly staleMs: number;
  /** How often all nodes are asked for a proof, or refuse us, before that is the end; and the pause after the first round, which grows by itself each time. */
  readonly rounds: number;
  readonly roundPauseMs: number;
  /** How long a node may take for a whole answer: a small one, a block's body, a body with traces, which it computes. */
  readonly smallAnswerMs: number;
  readonly bodyAnswerMs: number;
  readonly tracesAnswerMs: number;
  /** The largest answer that is read. */
  readonly maxAnswerBytes: number;
}

/** The limits that DESIGN §3 names, and those that it leaves open. */
export const NODE_LIMITS: NodeLimits = {
  outageMs: 300_000,
  firstBackoffMs: 250,
  longestBackoffMs: 15_000,
  leftOutMs: 30_000,
  staleMs: 60_000,
  rounds: 4,
  roundPauseMs: 1_000,
  smallAnswerMs: 10_000,
  bodyAnswerMs: 30_000,
  tracesAnswerMs: 60_000,
  maxAnswerBytes: MAX_ANSWER_BYTES,
};
