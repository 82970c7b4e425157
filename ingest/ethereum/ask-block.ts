import type { BlockHeader } from "../../stream/block.ts";
import { abortable } from "../abort.ts";
import type { Answer, Fault } from "../answer.ts";
import type { EthereumOptions } from "../options.ts";
import type { BodyForm, EthereumNode } from "./node.ts";
import type { ProveOutcome, Prover } from "./prover.ts";

/** What came of a block's proofs when they hold. */
export type Proven = Extract<ProveOutcome, { kind: "proven" }>;

/** Which block is wanted, of what chain, and who proves it. */
export interface BlockQuestion {
  readonly header: BlockHeader;
  readonly options: Pick<EthereumOptions, "chainId" | "traces" | "waive">;
  readonly prover: Prover;
}

/** More forms of a question than there are: a node that asks for another form each time must not keep us. */
const FORMS = 6;

/**
 * Asks one node for a block and proves the answer. Where the node refuses its consensus bytes, or they do not hold, it is asked for JSON,
 * where the batch fails call by call, and where ommers are named for their headers too.
 */
export async function askBlock(
  node: EthereumNode,
  question: BlockQuestion,
  signal: AbortSignal,
): Promise<Answer<Proven>> {
  let how: BodyForm = { form: node.form, apart: false, ommers: 0 };
  for (let form = 0; form < FORMS; form += 1) {
    const body = await node.body(question.header, how, signal);
    if (body.kind !== "answer") return body;
    const outcome = await prove(question, { body: body.value, form: how.form }, signal);
    if (outcome.kind === "proven") return { kind: "answer", value: outcome };
    const next = otherForm(how, outcome);
    if (next === undefined) return faultOf(outcome, question.header);
    if (next.form !== how.form) node.useJson();
    how = next;
  }
  return { kind: "outage", reason: "no form of the question is answered" };
}

async function prove(
  question: BlockQuestion,
  answer: { readonly body: ArrayBuffer; readonly form: BodyForm["form"] },
  signal: AbortSignal,
): Promise<ProveOutcome> {
  const { header, options, prover } = question;
  const { chainId, traces, waive } = options;
  const outcome = await abortable(
    prover.prove({ ...answer, expected: header, chainId, traces, waive }),
    signal,
  );
  if (outcome.kind !== "proven" || isSame(outcome.header, header)) return outcome;
  return {
    kind: "refused",
    proof: "header",
    reason: "height, parent or time are not what the node said before",
    waivable: false,
  };
}

type Unproven = Exclude<ProveOutcome, Proven>;

/** The plainer form in which an answer that failed is asked for again; undefined: none would help. */
function otherForm(how: BodyForm, outcome: Unproven): BodyForm | undefined {
  switch (outcome.kind) {
    case "unsupported":
      if (outcome.method.startsWith(TRACE)) return undefined;
      return how.form === "raw" ? { ...how, form: "json" } : callByCall(how);
    case "outage":
      return callByCall(how);
    case "ommers":
      return how.ommers === 0 ? { ...how, ommers: outcome.count } : undefined;
    case "refused":
      // Consensus bytes are younger and less used than JSON, and some nodes get them wrong.
      return how.form === "raw" ? { ...how, form: "json" } : undefined;
    case "missing":
      return undefined;
  }
}

function callByCall(how: BodyForm): BodyForm | undefined {
  return how.apart ? undefined : { ...how, apart: true };
}

const TRACE = "debug_trace";

function faultOf(outcome: Unproven, block: BlockHeader): Fault {
  switch (outcome.kind) {
    case "unsupported": {
      const remedy = outcome.method.startsWith(TRACE) ? '; "traces": true needs a node that offers it' : "";
      return { kind: "refusal", reason: `${outcome.method} is refused: ${outcome.reason}${remedy}` };
    }
    case "refused":
      return { ...outcome, kind: "unproven", block };
    case "ommers":
      return {
        kind: "unproven",
        proof: "ommers",
        block,
        reason: "the ommers' headers are not in the answer",
        waivable: true,
      };
    case "outage":
    case "missing":
      return outcome;
  }
}

function isSame(one: BlockHeader, other: BlockHeader): boolean {
  return (
    one.hash === other.hash &&
    one.height === other.height &&
    one.parent === other.parent &&
    one.time === other.time
  );
}
