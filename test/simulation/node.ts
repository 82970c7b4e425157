import type { Answer, Endpoint } from "../../ingest/answer.ts";
import type { Prover } from "../../ingest/ethereum/prover.ts";
import { viewedHeader } from "../../ingest/ethereum/view-header.ts";
import { isObject, readReplies } from "../../ingest/rpc.ts";
import type { SimBlock, SimChain } from "./chain.ts";
import type { SimProcess } from "./process.ts";
import type { Random } from "./random.ts";

/** The longest answer of a node, ms. */
const LONGEST_ANSWER_MS = 60;
/** The longest rest in the middle of one. */
const LONGEST_REST_MS = 1_500;

/** How often each trouble of a node comes, at its usual worst. */
const TROUBLES = { outage: 0.08, refusal: 0.004, garbage: 0.03, null: 0.05, lie: 0.06 };

/** What a node serves: its chain, which may lag, and what it calls finalized. */
export interface NodeState {
  head: SimBlock | undefined;
  finalized: SimBlock | undefined;
}

interface WireCall {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

/** A node at the end of a wire, as one process of ours sees it: it lags, lies, answers null, reorders and goes away. */
export function simEndpoint(
  name: string,
  node: NodeState,
  edge: { readonly chain: SimChain; readonly process: SimProcess; readonly random: Random },
): Endpoint {
  const { process, random } = edge;
  return {
    name,
    post: async (body, _timeoutMs, signal): Promise<Answer<ArrayBuffer>> => {
      await process.clock.sleep(random.next() * LONGEST_ANSWER_MS, signal);
      if (process.fault(`${name} is away`, TROUBLES.outage)) return { kind: "outage", reason: "simulated" };
      if (process.fault(`${name} refuses`, TROUBLES.refusal)) return { kind: "refusal", reason: "simulated" };
      if (process.fault(`${name} answers garbage`, TROUBLES.garbage)) return answer("<html>");
      const question = JSON.parse(body) as WireCall | readonly WireCall[];
      if (!Array.isArray(question)) return answer(reply(name, node, edge, question as WireCall));
      const calls = question as readonly WireCall[];
      const replies: string[] = [];
      // A node that answers a batch call by call may learn of blocks in between.
      const restAt = random.chance(0.3) ? random.whole(1, calls.length) : -1;
      for (const [at, call] of calls.entries()) {
        if (at === restAt) await process.clock.sleep(random.next() * LONGEST_REST_MS, signal);
        replies.push(reply(name, node, edge, call));
      }
      if (random.chance(0.3)) replies.reverse();
      return answer(`[${replies.join(",")}]`);
    },
    onHead: undefined,
    close: async () => undefined,
  };
}

function answer(text: string): Answer<ArrayBuffer> {
  const bytes = Buffer.from(text);
  return {
    kind: "answer",
    value: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer,
  };
}

function reply(
  name: string,
  node: NodeState,
  edge: { readonly chain: SimChain; readonly process: SimProcess; readonly random: Random },
  call: WireCall,
): string {
  const result = (text: string) => `{"jsonrpc":"2.0","id":${call.id},"result":${text}}`;
  if (call.method === "eth_chainId") return result('"0x1"');
  if (call.method === "eth_getBlockReceipts") return result("[]");
  const block = found(node, edge.chain, call);
  if (block === undefined) return result("null");
  if (edge.process.fault(`${name} answers null`, TROUBLES.null)) return result("null");
  if (edge.process.fault(`${name} lies`, TROUBLES.lie))
    return result(JSON.stringify(lie(block, edge.random)));
  return result(block.text);
}

function found(node: NodeState, chain: SimChain, { method, params }: WireCall): SimBlock | undefined {
  const [which] = params;
  if (method === "eth_getBlockByHash") return chain.get(String(which));
  if (which === "latest") return node.head;
  if (which === "finalized") return node.finalized;
  const height = Number(which);
  let at = node.head;
  while (at !== undefined && at.height > height) at = chain.get(at.parent);
  return at?.height === height ? at : undefined;
}

/** The block with one thing changed that its hash does not allow. */
function lie(block: SimBlock, random: Random): Readonly<Record<string, string>> {
  const { json } = block;
  switch (random.whole(0, 3)) {
    case 0:
      return { ...json, timestamp: `0x${(block.time + 1).toString(16)}` };
    case 1:
      return { ...json, extraData: `${json["extraData"]}00` };
    case 2:
      return { ...json, parentHash: `0x${"1".repeat(64)}` };
    default:
      return { ...json, number: `0x${(block.height + 1).toString(16)}` };
  }
}

/** Proves a block by its header's hash alone; its payload is the header's extra data. */
export const SIM_PROVER: Prover = {
  prove: async ({ body, expected }) => {
    const replies = readReplies(body, 2);
    if (replies.kind !== "answer") return { kind: "outage", reason: "no answer" };
    const [block] = replies.value;
    const json = block?.kind === "result" ? block.value : undefined;
    if (json === null || !isObject(json)) return { kind: "missing" };
    const header = viewedHeader(json, expected.height, false);
    if (header.kind !== "answer" || header.value.hash !== expected.hash)
      return { kind: "refused", proof: "header", reason: "its hash does not hold", waivable: true };
    const value = Buffer.from(String(json["extraData"]).slice(2), "hex");
    return { kind: "proven", header: header.value, value, proofs: ["header"], hasBlobGas: false };
  },
  close: async () => undefined,
};
