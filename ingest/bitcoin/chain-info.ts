import type { BitcoinNetwork } from "../../stream/bitcoin/network.ts";
import type { BlockRef } from "../../stream/block.ts";
import type { Answer } from "../answer.ts";
import { isObject, type Reply } from "../rpc.ts";
import { isHash, isUint32 } from "./header.ts";
import { type BitcoinCaller, callFault, hashAt } from "./header-book.ts";
import { NETWORK_RULES } from "./rules.ts";

/** What `getblockchaininfo` says. */
export interface ChainInfo {
  readonly chain: string;
  /** Of a signet, in hex; undefined where it is not told (before Bitcoin Core 29). */
  readonly challenge: string | undefined;
  readonly head: BlockRef;
  /** Whether it is in its initial download: its head is old, and moves fast. */
  readonly downloading: boolean;
  /** How many headers it knows. */
  readonly headers: number | undefined;
}

/** What a node says when it is greeted. */
export interface Greeting {
  readonly info: ChainInfo;
  /** Whether its `getblock` can tell what inputs spend; true where its version is not told. */
  readonly tellsPrevouts: boolean;
}

/** The first version whose `getblock` has a verbosity of 3, as `getnetworkinfo` prints it: 23.0. */
const PREVOUT_VERSION = 230_000;

/** The call for `ChainInfo`. */
export const CHAIN_INFO = { method: "getblockchaininfo", params: [] } as const;

/** Reads the answer to `CHAIN_INFO`. */
export function readInfo(reply: Reply | undefined): Answer<ChainInfo> {
  if (reply?.kind !== "result" || !isObject(reply.value)) return callFault(reply);
  const { chain, bestblockhash: hash, blocks: height, headers, initialblockdownload } = reply.value;
  const { signet_challenge: challenge } = reply.value;
  if (!isHash(hash) || !isUint32(height)) {
    return { kind: "outage", reason: "getblockchaininfo names no head" };
  }
  const downloading = initialblockdownload === true;
  const known = isUint32(headers) ? headers : undefined;
  return {
    kind: "answer",
    value: {
      chain: String(chain),
      challenge: typeof challenge === "string" ? challenge : undefined,
      head: { height, hash },
      downloading,
      headers: known,
    },
  };
}

/** Asks a node for its network and its genesis, and refuses those of another network. */
export async function askGreeting(
  node: BitcoinCaller,
  network: BitcoinNetwork,
  signal: AbortSignal,
): Promise<Answer<Greeting>> {
  const rules = NETWORK_RULES[network];
  const software = { method: "getnetworkinfo", params: [] };
  const replies = await node.call([CHAIN_INFO, hashAt(0), software], signal);
  if (replies.kind !== "answer") return replies;
  const [first, genesis, about] = replies.value;
  const info = readInfo(first);
  if (info.kind !== "answer") return info;
  const { chain, challenge = rules.challenge } = info.value;
  if (chain !== rules.chain) {
    return { kind: "refusal", reason: `its chain is ${chain} instead of ${rules.chain}` };
  }
  if (genesis?.kind !== "result") return callFault(genesis);
  if (genesis.value !== rules.genesis) {
    return { kind: "refusal", reason: `its genesis is ${String(genesis.value)} instead of ${rules.genesis}` };
  }
  if (challenge !== rules.challenge) {
    const reason = `its signet is a custom one: its challenge is ${challenge} instead of ${rules.challenge}`;
    return { kind: "refusal", reason };
  }
  return {
    kind: "answer",
    value: { info: info.value, tellsPrevouts: versionOf(about) >= PREVOUT_VERSION },
  };
}

function versionOf(reply: Reply | undefined): number {
  const version = reply?.kind === "result" && isObject(reply.value) ? reply.value["version"] : undefined;
  return typeof version === "number" ? version : PREVOUT_VERSION;
}
