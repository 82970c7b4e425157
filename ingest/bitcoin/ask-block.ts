import type { BlockHeader } from "../../stream/block.ts";
import { abortable } from "../abort.ts";
import type { Answer, Fault } from "../answer.ts";
import type { BitcoinOptions } from "../options.ts";
import { isObject } from "../rpc.ts";
import { headerCall } from "./header-book.ts";
import type { BitcoinNode } from "./node.ts";
import type { BitcoinOutcome, BitcoinProver, BlockAnswer } from "./prover.ts";
import type { RestAnswer, RestOff } from "./rest.ts";
import type { WorkHistory } from "./work.ts";

/** What came of a block's proofs when they hold. */
export type Proven = Extract<BitcoinOutcome, { kind: "proven" }>;

/** Which block is wanted, what its ancestors say of it, and who proves it. */
export interface BlockQuestion {
  readonly header: BlockHeader;
  readonly history: WorkHistory | undefined;
  readonly options: Pick<BitcoinOptions, "network" | "waive">;
  readonly prover: BitcoinProver;
}

/** Asks one node for a block, in the form that it offers, and proves the answer. */
export async function askBlock(
  node: BitcoinNode,
  question: BlockQuestion,
  signal: AbortSignal,
): Promise<Answer<Proven>> {
  if (node.form === "rest") {
    const answer = await byRest(node, question.header, signal);
    if (answer.kind === "answer") return await prove(answer.value, question, signal);
    if (answer.kind !== "off") return answer;
    node.useRpc(answer);
  }
  return await node.bodies.hold(async () => {
    const body = await node.blockBody(question.header, signal);
    return body.kind === "answer" ? await prove({ form: "rpc", body: body.value }, question, signal) : body;
  }, signal);
}

async function prove(
  answer: BlockAnswer,
  { header, history, options, prover }: BlockQuestion,
  signal: AbortSignal,
): Promise<Answer<Proven>> {
  const { network, waive } = options;
  const task = { answer, expected: header, network, history, waive };
  const outcome = await abortable(prover.prove(task), signal);
  return outcome.kind === "proven" ? { kind: "answer", value: outcome } : faultOf(outcome, header);
}

async function byRest(
  node: BitcoinNode,
  header: BlockHeader,
  signal: AbortSignal,
): Promise<Answer<BlockAnswer> | RestOff> {
  const [block, spent] = await Promise.all([
    node.rest(`block/${header.hash}.bin`, signal),
    node.rest(`spenttxouts/${header.hash}.bin`, signal),
  ]);
  if (block.kind === "answer" && spent.kind === "answer") {
    return { kind: "answer", value: { form: "rest", block: block.value, spent: spent.value } };
  }
  const off = [block, spent].find((answer) => answer.kind === "off");
  if (off !== undefined) return off;
  if (block.kind === "none") return noBlock(block);
  if (spent.kind === "none" && block.kind === "answer") return await noSpent(node, header, signal);
  const late = [block, spent].find((answer) => answer.kind === "unreachable");
  if (late !== undefined) return { kind: "outage", reason: `REST: ${late.reason}` };
  return [block, spent].find(isFault) ?? { kind: "outage", reason: "no answer" };
}

function noBlock({ reason }: Extract<RestAnswer, { kind: "none" }>): Fault {
  if (!/pruned/i.test(reason)) return { kind: "missing", reason };
  return { kind: "refusal", reason: `${reason}; ${PRUNED}` };
}

/** What mends a node that has thrown blocks away. */
export const PRUNED = 'it needs prune=0, or "start" above its pruneheight';

/** A pruned block and one that was never connected are refused in the same words: the header tells whether it is on the chain. */
async function noSpent(node: BitcoinNode, header: BlockHeader, signal: AbortSignal): Promise<Fault> {
  const replies = await node.call([headerCall(header.hash)], signal);
  if (replies.kind !== "answer") return replies;
  const [reply] = replies.value;
  const json = reply?.kind === "result" && isObject(reply.value) ? reply.value : undefined;
  if (Number(json?.["confirmations"] ?? -1) < 0) return { kind: "missing" };
  return {
    kind: "refusal",
    reason: `it has no undo data of block ${header.height}, which tell what is spent; ${PRUNED}`,
  };
}

function isFault(answer: RestAnswer): answer is Fault {
  return !["answer", "off", "none", "unreachable"].includes(answer.kind);
}

function faultOf(outcome: Exclude<BitcoinOutcome, Proven>, block: BlockHeader): Fault {
  switch (outcome.kind) {
    case "refused":
      return { ...outcome, kind: "unproven", block };
    case "lacking":
      return { kind: "refusal", reason: `block ${block.height}: ${outcome.reason}` };
    case "outage":
    case "missing":
      return outcome;
  }
}
