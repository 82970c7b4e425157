import type { Logger } from "pino";
import { CLOCK, type Clock } from "../../stream/kafka/clock.ts";
import { nodeName, withoutCredentials } from "../answer.ts";
import { openBell } from "../bell.ts";
import { openWire } from "../http.ts";
import { NODE_LIMITS, type NodeLimits } from "../limits.ts";
import { Nodes } from "../nodes.ts";
import type { BitcoinOptions } from "../options.ts";
import type { Source } from "../source.ts";
import { openViews } from "../views.ts";
import { askBlock } from "./ask-block.ts";
import { credentialsFor } from "./credentials.ts";
import { openHeaderBook } from "./header-book.ts";
import { openHistories } from "./history.ts";
import { BitcoinNode } from "./node.ts";
import type { BitcoinProver } from "./prover.ts";
import { openRest } from "./rest.ts";
import { NETWORK_RULES } from "./rules.ts";
import { askView } from "./view.ts";

/** The form of the raw value: DESIGN §3. */
const CODEC = "bitcoin.v1";
/** Questions under way at one node: half of what the smallest default queue of Bitcoin Core holds (-rpcworkqueue, 16). */
const CONNECTIONS = 8;

/** A block and its spent outputs are one record: neither may be larger than that (DESIGN §6: 32 MiB). */
const MAX_REST_BYTES = 32 * 1024 * 1024;

/** What a source needs of the world; limits and clock only tests bring along. */
export interface SourceEdge {
  readonly prover: BitcoinProver;
  readonly log: Logger;
  readonly limits?: NodeLimits;
  readonly clock?: Clock;
}

/** Opens a Bitcoin chain's nodes; nothing is asked yet. The prover stays the caller's to close. */
export function openBitcoinSource(options: BitcoinOptions, edge: SourceEdge): Source {
  const limits = edge.limits ?? NODE_LIMITS;
  const clock = edge.clock ?? CLOCK;
  const members = bitcoinNodes(options, { log: edge.log, limits });
  const nodes = new Nodes(members, { log: edge.log, limits, clock });
  const book = openHeaderBook();
  const rules = NETWORK_RULES[options.network];
  const histories = openHistories((question, signal) => nodes.ask(question, signal), book, rules);
  const views = openViews(nodes, { limits, clock });
  const bell = openBell(clock);
  return {
    check: (signal) => nodes.check(signal),
    view: (span, signal) => views.look((node, leave) => askView(node, { book, span }, leave), span, signal),
    block: async (header, signal) => {
      const history = await histories.of(header, signal);
      const question = { header, history, options, prover: edge.prover };
      const found = await nodes.ask((node, leave) => askBlock(node, question, leave), signal);
      views.noteFound(header, found !== undefined);
      if (found === undefined) return undefined;
      const { value, proofs } = found;
      return { header, value, proofs, codec: CODEC, headers: {} };
    },
    noteAgreed: views.noteAgreed,
    nextHead: (waitMs, signal) => bell.next(waitMs, signal),
    close: () => nodes.close(),
  };
}

/** How each node that answers serves blocks, in the options' order; why not where it does not. For people to read. */
export async function describeNodes(
  options: BitcoinOptions,
  edge: { readonly log: Logger; readonly limits?: NodeLimits },
  signal: AbortSignal,
): Promise<readonly { readonly node: string; readonly says: string }[]> {
  const limits = edge.limits ?? NODE_LIMITS;
  const members = bitcoinNodes(options, { log: edge.log, limits });
  return await Promise.all(
    members.map(async (member) => {
      const answer = await member.greet(signal).finally(() => member.close());
      if (answer.kind === "answer") return { node: member.name, says: offerOf(member) };
      const says = answer.kind === "outage" || answer.kind === "refusal" ? answer.reason : answer.kind;
      return { node: member.name, says };
    }),
  );
}

function offerOf({ form, downloading }: BitcoinNode): string {
  return downloading ? `${FORM_NAMES[form]}; still downloading its chain` : FORM_NAMES[form];
}

const FORM_NAMES = { rest: "REST, block and spent outputs as bytes", rpc: "getblock 3" } as const;

function bitcoinNodes(
  options: BitcoinOptions,
  { log, limits }: { readonly log: Logger; readonly limits: NodeLimits },
): readonly BitcoinNode[] {
  return options.nodes.map((url, index) => {
    const base = options.restUrls[index] ?? withoutCredentials(url).href;
    const { pathname, search } = new URL(url);
    const lines = {
      name: nodeName(url),
      path: `${pathname}${search}`,
      wire: openWire(url, limits, CONNECTIONS),
      credentials: credentialsFor(url, options.cookieFile),
      rest: openRest(
        base,
        openWire(base, { maxAnswerBytes: Math.min(limits.maxAnswerBytes, MAX_REST_BYTES) }, CONNECTIONS),
      ),
    };
    return new BitcoinNode(lines, { network: options.network, limits, log });
  });
}
