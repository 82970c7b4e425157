import { blobParametersAt } from "./blob-fee.ts";
import { toQuantity } from "./hex.ts";
import type { Part, ServedBlock } from "./served.ts";
import type { View } from "./view.ts";

/** One call of a client. */
export interface Call {
  readonly id: unknown;
  readonly method: string;
  readonly params: readonly unknown[];
}

/** What a call comes to: the JSON text of a result, or an error. */
export type Reply =
  | { readonly kind: "result"; readonly json: Buffer }
  | { readonly kind: "error"; readonly code: number; readonly message: string };

/** What a node answers from. */
export interface Desk {
  readonly view: View;
  readonly chainId: number;
  /** Whether it offers `debug_getRaw*`. */
  readonly raw: boolean;
  /** Whether it offers `debug_trace*`. */
  readonly traces: boolean;
  /** A part of a block, as this node tells it. */
  readonly part: (block: ServedBlock, part: Part) => Buffer | undefined;
}

type Method = (desk: Desk, params: readonly unknown[]) => Reply;

const NULL = Buffer.from("null");

const METHODS: Readonly<Record<string, Method>> = {
  eth_chainId: (desk) => result(toQuantity(desk.chainId)),
  net_version: (desk) => result(String(desk.chainId)),
  web3_clientVersion: () => result("Simulated/v1.0.0/node"),
  eth_syncing: () => result(false),
  eth_blockNumber: (desk) => result(toQuantity((desk.view.mirage ?? desk.view.head()).height)),
  eth_config: (desk) => result(configOf(desk)),
  eth_getBlockByNumber: (desk, [tag, full]) => {
    const found = byTag(desk, String(tag));
    return "kind" in found
      ? found
      : orNull(found.block && desk.part(found.block, full === true ? "full" : "thin"));
  },
  eth_getBlockByHash: (desk, [hash, full]) => {
    const block = desk.view.byHash(String(hash));
    return orNull(block && desk.part(block, full === true ? "full" : "thin"));
  },
  eth_getBlockReceipts: (desk, [id]) => {
    const found = byId(desk, id);
    return "kind" in found ? found : orNull(found.block && desk.part(found.block, "receipts"));
  },
  eth_getUncleByBlockHashAndIndex: (desk, [hash, index]) => {
    const block = desk.view.byHash(String(hash));
    const headers = block && desk.part(block, "ommers");
    return result(headers === undefined ? null : (JSON.parse(String(headers))[Number(index)] ?? null));
  },
  debug_getRawBlock: (desk, [id]) => rawPart(desk, id, "rawBlock"),
  debug_getRawHeader: (desk, [id]) => rawPart(desk, id, "rawHeader"),
  debug_getRawReceipts: (desk, [id]) => rawPart(desk, id, "rawReceipts"),
  debug_traceBlockByHash: (desk, [hash]) => tracesOf(desk, desk.view.byHash(String(hash))),
  debug_traceBlockByNumber: (desk, [tag]) => {
    const found = byTag(desk, String(tag));
    return "kind" in found ? found : tracesOf(desk, found.block);
  },
};

/** Answers one call as geth does. */
export function answer(desk: Desk, call: Call): Reply {
  const offered =
    !(call.method.startsWith("debug_getRaw") && !desk.raw) &&
    !(call.method.startsWith("debug_trace") && !desk.traces);
  const method = offered ? METHODS[call.method] : undefined;
  if (method === undefined) {
    return failure(-32601, `the method ${call.method} does not exist/is not available`);
  }
  return method(desk, call.params);
}

/** The JSON text of a header as `newHeads` sends it: a block without what only blocks have. */
export function headJson(block: ServedBlock): string {
  const { transactions, uncles, withdrawals, size, ...header } = JSON.parse(String(block.answer("thin")));
  return JSON.stringify(header);
}

type Found = { readonly block: ServedBlock | undefined } | Extract<Reply, { kind: "error" }>;

function byId(desk: Desk, id: unknown): Found {
  const text = typeof id === "object" && id !== null && "blockHash" in id ? String(id.blockHash) : String(id);
  return text.length === 66 ? { block: desk.view.byHash(text) } : byTag(desk, text);
}

function byTag({ view }: Desk, tag: string): Found {
  switch (tag) {
    case "latest":
    case "pending":
      return { block: view.mirage ?? view.head() };
    case "finalized":
    case "safe": {
      const block = view.finalBlock();
      return block === undefined ? failure(-32000, `${tag} block not found`) : { block };
    }
    case "earliest":
      return { block: view.byHeight(0) };
    default:
      if (!/^0x[0-9a-f]+$/i.test(tag)) return failure(-32602, `invalid argument 0: hex string ${tag}`);
      return { block: view.byHeight(Number(tag)) };
  }
}

/** geth, unknown block: raw blocks and headers `"0x"` by number and an error by hash; receipts null by number and `[]` by hash. */
function rawPart(desk: Desk, id: unknown, part: Part): Reply {
  const found = byId(desk, id);
  if ("kind" in found) return found;
  const json = found.block && desk.part(found.block, part);
  if (json !== undefined) return { kind: "result", json };
  const isHash = String(id).length === 66;
  if (part === "rawReceipts") return result(isHash ? [] : null);
  return isHash ? failure(-32000, "block not found") : result("0x");
}

function tracesOf(desk: Desk, block: ServedBlock | undefined): Reply {
  if (block === undefined) return failure(-32000, "block not found");
  if (block.height === 0) return failure(-32000, "genesis is not traceable");
  const json = desk.part(block, "traces");
  return json === undefined ? failure(-32000, "historical state is not available") : { kind: "result", json };
}

/** EIP-7910, as far as blobs need it. */
function configOf({ view, chainId }: Desk): unknown {
  const blobs = blobParametersAt(view.head().time);
  const { target, max } = blobs;
  const blobSchedule = { baseFeeUpdateFraction: Number(blobs.baseFeeUpdateFraction), max, target };
  return {
    current: { activationTime: blobs.time, blobSchedule, chainId: toQuantity(chainId) },
    next: null,
    last: null,
  };
}

function orNull(json: Buffer | undefined): Reply {
  return { kind: "result", json: json ?? NULL };
}

function result(value: unknown): Reply {
  return { kind: "result", json: Buffer.from(JSON.stringify(value)) };
}

function failure(code: number, message: string): Extract<Reply, { kind: "error" }> {
  return { kind: "error", code, message };
}
