import type { ChainName } from "../stream/block.ts";
import type { Incident } from "../stream/kafka/incident.ts";
import type { Halt } from "./incident.ts";

/** What halted a chain; null and none: it is not halted. */
export interface ChainIncident {
  readonly chain: ChainName;
  /** What its gate halts at, from the topics themselves. */
  readonly incident: Incident | null;
  /** What other stages halted at in this home, and the gate for another reason. */
  readonly halts: readonly Halt[];
}

/** What halted a chain and the way out, for people. */
export function describeIncident({ chain, incident, halts }: ChainIncident): string {
  const lines = [
    ...(incident === null ? [] : contradiction(chain, incident)),
    ...halts.map(({ stage, reason }) => `${chain}: halted at ${stage}: ${reason}`),
  ];
  return lines.length === 0 ? `${chain}: no incident` : lines.join("\n");
}

function contradiction(chain: ChainName, incident: Incident): readonly string[] {
  const { kind, rival, released, fork, rawOffset, announcedMs } = incident;
  const at = announcedMs === undefined ? "" : `, ${new Date(announcedMs).toISOString()}`;
  return [
    `${chain}: halted by a ${kind}`,
    ...(released === undefined ? [] : [`  released   ${released.height} ${released.hash}`]),
    `  announced  ${rival.height} ${rival.hash} (raw offset ${rawOffset}${at})`,
    ...(fork === undefined ? [] : [`  both build on ${fork.height} ${fork.hash}`]),
    ...remedy(chain, incident),
  ];
}

function remedy(chain: ChainName, { kind, fork, released, newest }: Incident): readonly string[] {
  if (kind === "announcement gap")
    return [
      "  this can't happen unless raw was tampered with or Sluice is wrong: keep the topics, and report it",
    ];
  const rewind = (height: number) => `sluice rewind ${chain} --to ${height} --yes`;
  if (fork !== undefined && fork.height === newest?.height)
    return [
      `  the node's chain builds on all that is final again: stop its stages, then ${rewind(fork.height)} takes nothing back`,
    ];
  return [
    fork === undefined
      ? "  none of the newest thousand final blocks is of both branches: is the node one of this chain?"
      : `  if the chain is right to have left block ${released?.height}: stop its stages, then ${rewind(fork.height)}`,
    `  if its node lied: stop its stages, take that node out, and run sluice ingest ${chain} alone until ` +
      "sluice incident says that the node's chain builds on all that is final again",
  ];
}
