import type { View } from "../view.ts";
import { blockBytes, type ChainBlock, genesisOf, REGTEST_GENESIS } from "./chain.ts";
import { headerText, transactionsText, type Verbosity } from "./json.ts";

/** One JSON-RPC call as it comes in. */
export interface Call {
  readonly id: unknown;
  readonly method: string;
  readonly params: readonly unknown[];
  /** `2.0` where it is of that kind. */
  readonly jsonrpc?: unknown;
}

/** What a method answers: the result's JSON text, or an error. */
export type Reply =
  | { readonly kind: "result"; readonly json: string }
  | { readonly kind: "error"; readonly code: number; readonly message: string };

/** What methods answer from. */
export interface Desk {
  readonly view: View<ChainBlock>;
  readonly chain: string;
  readonly genesis: string;
  readonly version: number;
  readonly downloading: boolean;
  /** What it says while it is starting; undefined once it is up. */
  readonly warmingUp: string | undefined;
  /** Blocks below it were thrown away; 0: none. */
  readonly pruneHeight: number;
  /** Blocks that it has and never connected. */
  readonly side: ReadonlyMap<string, ChainBlock>;
  /** A block as this node tells of it. */
  told(block: ChainBlock): ChainBlock;
}

/** The first version whose `getblock` tells prevouts. */
const PREVOUT_VERSION = 230_000;

/** Answers a call as Bitcoin Core does. */
export function answer(desk: Desk, { method, params }: Call): Reply {
  if (desk.warmingUp !== undefined) return error(-28, desk.warmingUp);
  switch (method) {
    case "getblockchaininfo":
      return json(chainInfo(desk));
    case "getnetworkinfo":
      return json({ version: desk.version, subversion: `/Satoshi:${desk.version / 10_000}.0.0/` });
    case "getbestblockhash":
      return json(headOf(desk).hash);
    case "getblockcount":
      return json(headOf(desk).height);
    case "getblockhash":
      return hashAt(desk, params[0]);
    case "getblockheader":
      return header(desk, params);
    case "getblock":
      return block(desk, params);
    default:
      return error(-32601, "Method not found");
  }
}

/** What the node calls its head. */
function headOf({ view }: Desk): ChainBlock {
  return view.mirage ?? view.head();
}

function chainInfo(desk: Desk): object {
  const head = headOf(desk);
  return {
    chain: desk.chain,
    blocks: head.height,
    headers: head.height,
    bestblockhash: head.hash,
    initialblockdownload: desk.downloading,
    pruned: desk.pruneHeight > 0,
    ...(desk.pruneHeight > 0 ? { pruneheight: desk.pruneHeight } : {}),
    warnings: [],
  };
}

function hashAt(desk: Desk, height: unknown): Reply {
  if (height === 0) return json(desk.genesis);
  const found = typeof height === "number" ? desk.view.byHeight(height) : undefined;
  return found === undefined ? error(-8, "Block height out of range") : json(found.hash);
}

function header(desk: Desk, [hash, verbose]: readonly unknown[]): Reply {
  const found = blockOf(desk, hash);
  if (found === undefined) return error(-5, "Block not found");
  const told = desk.told(found);
  if (verbose === false) return json(told.header.toString("hex"));
  return { kind: "result", json: `${headerText(told, placeOf(desk, found))}}` };
}

function block(desk: Desk, [hash, verbosity = 1]: readonly unknown[]): Reply {
  const found = blockOf(desk, hash);
  if (found === undefined) return error(-5, "Block not found");
  if (found.height < desk.pruneHeight) return error(-1, "Block not available (pruned data)");
  const told = desk.told(found);
  if (verbosity === 0 || verbosity === false) return json(blockBytes(told).toString("hex"));
  const knowsPrevouts = desk.version >= PREVOUT_VERSION && !desk.side.has(found.hash);
  const level = Math.min(Number(verbosity), knowsPrevouts ? 3 : 2) as Verbosity;
  const size = blockBytes(told).length;
  const sizes = `"strippedsize":${size},"size":${size},"weight":${4 * size}`;
  const text = `${headerText(told, placeOf(desk, found))},${sizes},"tx":${transactionsText(told, level)}}`;
  return { kind: "result", json: text };
}

/** A block by its hash, on the chain or off it. */
export function blockOf(desk: Desk, hash: unknown): ChainBlock | undefined {
  const { view, side, genesis } = desk;
  const known = view.byHash(String(hash)) ?? side.get(String(hash));
  if (known !== undefined || hash !== genesis || genesis !== REGTEST_GENESIS) return known;
  return genesisOf(view.head().world);
}

/** Where a block stands: −1 confirmations off the chain. */
function placeOf(desk: Desk, found: ChainBlock): { confirmations: number; next: string | undefined } {
  const isMain = found.height === 0 || desk.view.byHeight(found.height)?.hash === found.hash;
  if (!isMain) return { confirmations: -1, next: undefined };
  return {
    confirmations: desk.view.head().height - found.height + 1,
    next: desk.view.byHeight(found.height + 1)?.hash,
  };
}

function json(value: unknown): Reply {
  return { kind: "result", json: JSON.stringify(value) };
}

function error(code: number, message: string): Reply {
  return { kind: "error", code, message };
}

/** Regtest's, as long as a test does not want another chain. */
export const REGTEST = { chain: "regtest", genesis: REGTEST_GENESIS };
