import type { Logger } from "pino";
import type { BlockHeader } from "../../stream/block.ts";
import { CLOCK, type Clock } from "../../stream/kafka/clock.ts";
import type { AnswerBound, Endpoint } from "../answer.ts";
import { openBell } from "../bell.ts";
import { openHttp } from "../http.ts";
import { NODE_LIMITS, type NodeLimits } from "../limits.ts";
import { Nodes } from "../nodes.ts";
import type { BlobFork, EthereumOptions } from "../options.ts";
import type { ProvenBlock, Source } from "../source.ts";
import { openViews } from "../views.ts";
import { openWebSocket } from "../websocket.ts";
import { askBlock } from "./ask-block.ts";
import { askBlobForks, BlobScheduleUnknown, fractionAt, MAINNET_CHAIN_ID } from "./blob-schedule.ts";
import { EthereumNode } from "./node.ts";
import type { Prover } from "./prover.ts";
import { askView } from "./view.ts";

/** The form of the raw value: DESIGN §3. */
const CODEC = "ethereum.v1";
/** How long a node's word on the blob schedule is taken: a fork's time is known to it long before. */
const SCHEDULE_AGE_MS = 600_000;

/** What a source needs of the world; limits, clock and the way to a node only tests bring along. */
export interface SourceEdge {
  readonly prover: Prover;
  readonly log: Logger;
  readonly limits?: NodeLimits;
  readonly clock?: Clock;
  readonly connect?: (url: string, bound: AnswerBound) => Endpoint;
}

/** Opens an Ethereum chain's nodes; nothing is asked yet. The prover stays the caller's to close. */
export function openEthereumSource(options: EthereumOptions, edge: SourceEdge): Source {
  const limits = edge.limits ?? NODE_LIMITS;
  const clock = edge.clock ?? CLOCK;
  const needs = {
    chainId: options.chainId,
    traces: options.traces,
    raw: !options.waive.includes("senders"),
    limits,
  };
  const bell = openBell(clock);
  const connect = edge.connect ?? connectTo;
  const members = options.nodes.map((url) => new EthereumNode(connect(url, limits), needs));
  for (const member of members) member.onHead(bell.ring);
  const nodes = new Nodes(members, { log: edge.log, limits, clock });
  const fractionOf = blobFractions(options, nodes, clock);
  const views = openViews(nodes, { limits, clock });
  const viewed = {
    withFinalized: options.policy.kind === "tag",
    trusted: options.waive.includes("header"),
  };
  return {
    check: (signal) => nodes.check(signal),
    view: (span, signal) =>
      views.look((node, leave) => askView(node, { span, ...viewed }, leave), span, signal),
    block: async (header, signal) => {
      const found = await nodes.ask(
        (node, leave) => askBlock(node, { header, options, prover: edge.prover }, leave),
        signal,
      );
      views.noteFound(header, found !== undefined);
      if (found === undefined) return undefined;
      const { value, proofs } = found;
      const fraction = found.hasBlobGas ? await fractionOf(header, signal) : undefined;
      const headers: ProvenBlock["headers"] =
        fraction === undefined ? {} : { "blob-fraction": String(fraction) };
      return { header, value, proofs, codec: CODEC, headers };
    },
    noteAgreed: views.noteAgreed,
    nextHead: (waitMs, signal) => bell.next(waitMs, signal),
    close: () => nodes.close(),
  };
}

function connectTo(url: string, bound: AnswerBound): Endpoint {
  return /^wss?:/.test(url) ? openWebSocket(url, bound) : openHttp(url, bound);
}

/** The update fraction of a block with blobs: the config's word, else the node's; main net needs neither. */
function blobFractions(options: EthereumOptions, nodes: Nodes<EthereumNode>, clock: Clock) {
  let asked: { readonly forks: readonly BlobFork[]; readonly at: number } | undefined;
  return async (header: BlockHeader, signal: AbortSignal): Promise<bigint | undefined> => {
    if (options.chainId === MAINNET_CHAIN_ID) return undefined;
    const configured = fractionAt(options.blobSchedule ?? [], header.time);
    if (configured !== undefined) return configured;
    if (asked === undefined || clock.now() - asked.at > SCHEDULE_AGE_MS) {
      asked = { forks: (await nodes.ask(askBlobForks, signal)) ?? [], at: clock.now() };
    }
    const fraction = fractionAt(asked.forks, header.time);
    if (fraction === undefined) throw new BlobScheduleUnknown(header);
    return fraction;
  };
}
