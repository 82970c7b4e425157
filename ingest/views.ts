import type { BlockHeader } from "../stream/block.ts";
import type { Clock } from "../stream/kafka/clock.ts";
import type { Answer } from "./answer.ts";
import type { NodeLimits } from "./limits.ts";
import { type ChainNode, type Nodes, NodesUnreachable } from "./nodes.ts";
import type { ChainView, Span } from "./source.ts";

/** Blocks whose absence is timed at once: more than are ever under way. */
const MISSING_BLOCKS = 64;

/** What nodes say of their chain, and whether it holds: whose word leads nowhere has its turn after the others. */
export interface Views<N> {
  /** One node's view of the chain from `span` on. Of a node that has not grown for `staleMs` it is taken only where no other one is higher. Throws `NodesUnreachable`. */
  look(question: ViewOf<N>, span: Span | undefined, signal: AbortSignal): Promise<ChainView>;
  /** To be told of each block of a view whether any node had it. Throws `NodesUnreachable` when one was missing for `outageMs`. */
  noteFound(header: BlockHeader, found: boolean): void;
  /** To be told when a view led on: a block of it was had, or none was wanting. What was missing before is not waited for any more. */
  noteAgreed(): void;
}

type ViewOf<N> = (node: N, signal: AbortSignal) => Promise<Answer<ChainView>>;

/** Of so many views it is known who told them: the one whose blocks are under way, and the one that was asked for ahead. */
const VIEWS = 2;

/** Opens the views of a chain's nodes; nothing is asked yet. */
export function openViews<N extends ChainNode>(
  nodes: Nodes<N>,
  edge: { readonly limits: NodeLimits; readonly clock: Clock },
): Views<N> {
  const missing = timeMissing(nodes, edge);
  const heads = watchHeads<N>(edge);
  const tellers = judgeTellers(nodes, heads.excuse);
  let told: readonly Told<N>[] = [];
  const askOther = async (question: ViewOf<N>, seen: Told<N>, signal: AbortSignal): Promise<Told<N>> => {
    const other = await ask(nodes, question, signal);
    if (other.node !== seen.node) return other;
    // The others may only be given a rest, since they lacked a block a moment ago.
    await edge.clock.sleep(edge.limits.firstBackoffMs + 1, signal);
    return await ask(nodes, question, signal);
  };
  const look = async (question: ViewOf<N>, tip: number, signal: AbortSignal): Promise<Told<N>> => {
    const seen = await ask(nodes, question, signal);
    if (nodes.isLone || !heads.isStale(seen, tip)) return seen;
    nodes.doubt(seen.node);
    const other = await askOther(question, seen, signal);
    if (other.node === seen.node) {
      // Nobody else could be asked: it has its turn, and is not excused.
      nodes.trust(other.node);
      return other;
    }
    if (other.view.head.height > seen.view.head.height) return { ...other, insteadOf: seen };
    tellers.acquit(seen);
    return seen;
  };
  return {
    look: async (question, span, signal) => {
      const seen = await look(question, span?.from ?? 0, signal);
      told = [seen, ...told].slice(0, VIEWS);
      return seen.view;
    },
    noteFound: (header, found) => {
      const teller = found ? undefined : told.find(({ view }) => names(view, header));
      if (teller !== undefined) tellers.blame(teller);
      missing.note(header, found);
    },
    noteAgreed: () => {
      tellers.forget();
      missing.forget();
    },
  };
}

/** One node's view, and which node that is. */
async function ask<N extends ChainNode>(
  nodes: Nodes<N>,
  question: ViewOf<N>,
  signal: AbortSignal,
): Promise<Told<N>> {
  let node: N | undefined;
  const view = await nodes.ask(async (one, leave) => {
    node = one;
    return await question(one, leave);
  }, signal);
  if (node === undefined || view === undefined) throw new NodesUnreachable("no node has a head", []);
  return { node, view };
}

function names({ head, headers }: ChainView, { height, hash }: BlockHeader): boolean {
  return head.hash === hash || headers.get(height)?.hash === hash;
}

/** A view, who told it, and whose it was preferred to because that one had stood still. */
interface Told<N> {
  readonly node: N;
  readonly view: ChainView;
  readonly insteadOf?: Told<N>;
}

/** Doubts a node once a second view of it led nowhere, and trusts again the one that it was preferred to. */
function judgeTellers<N extends ChainNode>(nodes: Nodes<N>, excuse: (seen: Told<N>) => void) {
  /** Of a node's views that led nowhere the first one since any led on: a chain that moves on in the meantime takes one along. */
  const astray = new Map<N, Told<N>>();
  const acquit = (seen: Told<N>) => {
    nodes.trust(seen.node);
    excuse(seen);
  };
  const blame = (teller: Told<N>) => {
    const first = astray.get(teller.node) ?? teller;
    astray.set(teller.node, first);
    if (first.view === teller.view) return;
    nodes.doubt(teller.node);
    const passedOver = teller.insteadOf ?? first.insteadOf;
    if (passedOver !== undefined) acquit(passedOver);
  };
  return { acquit, blame, forget: () => astray.clear() };
}

/** Times how long each node has not grown, or has grown below what was had before: after a crash a node climbs anew. */
function watchHeads<N>({ limits, clock }: { limits: NodeLimits; clock: Clock }) {
  const heads = new Map<N, { readonly height: number; readonly staleAt: number }>();
  let highest = 0;
  const excuse = ({ node, view }: Told<N>) => {
    heads.set(node, { height: view.head.height, staleAt: clock.now() + limits.staleMs });
  };
  return {
    excuse,
    isStale: (seen: Told<N>, tip: number): boolean => {
      const { height } = seen.view.head;
      const known = heads.get(seen.node);
      // Heads that nodes name are not counted: one of a liar would be above all for ever.
      highest = Math.max(highest, tip);
      const grew = known === undefined || (height > known.height && height >= highest);
      if (grew) excuse(seen);
      return !grew && clock.now() >= known.staleAt;
    },
  };
}

/** Times blocks that the nodes name and that none of them has: an outage too, which may last as long as any other. */
function timeMissing<N extends ChainNode>(
  nodes: Nodes<N>,
  { limits, clock }: { limits: NodeLimits; clock: Clock },
) {
  const since = new Map<string, number>();
  const note = (header: BlockHeader, found: boolean) => {
    if (found) {
      since.delete(header.hash);
      return;
    }
    if (since.size >= MISSING_BLOCKS) since.clear();
    const firstAt = since.get(header.hash) ?? clock.now();
    since.set(header.hash, firstAt);
    if (clock.now() - firstAt < limits.outageMs) return;
    throw new NodesUnreachable(
      `no node has block ${header.height} ${header.hash} for ${limits.outageMs / 1000} s`,
      nodes.lacking.map(({ node, reason = "has it not" }) => ({ node, reason })),
    );
  };
  return { note, forget: () => since.clear() };
}
