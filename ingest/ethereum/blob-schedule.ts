import type { BlockHeader } from "../../stream/block.ts";
import type { Answer } from "../answer.ts";
import type { BlobFork } from "../options.ts";
import { isObject } from "../rpc.ts";
import type { EthereumNode } from "./node.ts";

/** Ethereum's main net, whose fork times flows know by themselves. */
export const MAINNET_CHAIN_ID = 1;

/** A block has blobs, and nobody says at which update fraction they were priced. */
export class BlobScheduleUnknown extends Error {
  override readonly name = "BlobScheduleUnknown";
  readonly block: BlockHeader;
  constructor(block: BlockHeader) {
    super(
      `block ${block.height} ${block.hash} has blobs, and neither the config nor the node's eth_config says which ` +
        `update fraction holds at its time ${block.time}; add blobSchedule to the chain in sluice.json`,
    );
    this.block = block;
  }
}

/** The update fraction in force at `time` by `forks` (any order); undefined before the first. */
export function fractionAt(forks: readonly BlobFork[], time: number): bigint | undefined {
  const past = forks.filter((fork) => fork.time <= time).toSorted((a, b) => a.time - b.time);
  return past.at(-1)?.baseFeeUpdateFraction;
}

/**
 * The forks that a node's `eth_config` tells of (EIP-7910: `current`, `next` and `last`, each with `activationTime` and
 * `blobSchedule`, which is null before Cancun); undefined where the node does not offer it.
 */
export async function askBlobForks(
  node: EthereumNode,
  signal: AbortSignal,
): Promise<Answer<readonly BlobFork[] | undefined>> {
  const replies = await node.call([{ method: "eth_config", params: [] }], signal);
  if (replies.kind !== "answer") return replies;
  const [reply] = replies.value;
  const value = reply?.kind === "result" && isObject(reply.value) ? blobForksOf(reply.value) : undefined;
  return { kind: "answer", value };
}

/** The forks in an answer of `eth_config`. */
export function blobForksOf(config: Readonly<Record<string, unknown>>): readonly BlobFork[] {
  return ["current", "next", "last"].flatMap((which) => {
    const fork = config[which];
    if (!isObject(fork) || !isObject(fork["blobSchedule"])) return [];
    const time = integerOf(fork["activationTime"]);
    const fraction = integerOf(fork["blobSchedule"]["baseFeeUpdateFraction"]);
    return time === undefined || fraction === undefined
      ? []
      : [{ time, baseFeeUpdateFraction: BigInt(fraction) }];
  });
}

/** The EIP writes plain numbers; some nodes write quantities. */
function integerOf(value: unknown): number | undefined {
  const number = typeof value === "string" ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}
