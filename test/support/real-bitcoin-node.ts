import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { type RealBlock, readRealBlock, realNames } from "../chain/bitcoin/real.ts";

/** The data set beside the project. */
const DATA = "../shared/data/bitcoin";
const GENESIS = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";

/** A main-net node, whose head is one real block and which knows of no other but block 0. */
export interface RealBitcoinNode {
  readonly url: string;
  close(): Promise<void>;
}

/** What such a node offers; `auth`: `user:password`, asked of RPC alone, as Bitcoin Core does. */
export interface RealNodeOptions {
  readonly rest: boolean;
  readonly auth: string;
}

/** The real block at `height` with what it spends. */
export function realBlockAt(height: number): RealBlock & { readonly spent: Buffer } {
  const name = realNames(DATA).find((one) => one.name.startsWith(`${height}_`));
  if (name === undefined) throw new RangeError(`the data have no block ${height}`);
  const block = readRealBlock(DATA, name);
  if (block.spent === undefined) throw new RangeError(`the data lack spent outputs of block ${height}`);
  return { ...block, spent: block.spent };
}

/** Serves `block` as Bitcoin Core 31 does, without `-rest` as Bitcoin Core 23. */
export async function serveRealBlock(
  block: RealBlock & { readonly spent: Buffer },
  options: RealNodeOptions,
): Promise<RealBitcoinNode> {
  const printed = block.rpcText() ?? "";
  const { tx: _, ...header } = JSON.parse(printed) as Record<string, unknown>;
  const desk = { block, printed, header: JSON.stringify(header), ...options };
  const server = createServer((request, response) => {
    serve(desk, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Desk extends RealNodeOptions {
  readonly block: RealBlock & { readonly spent: Buffer };
  /** The answer to `getblock 3`, and to `getblockheader`. */
  readonly printed: string;
  readonly header: string;
}

async function serve(desk: Desk, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? "/";
  if (path.startsWith("/rest/")) {
    const bytes = restBody(desk, path);
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes ?? "");
    return;
  }
  const login = `Basic ${Buffer.from(desk.auth).toString("base64")}`;
  const body = await text(request);
  if (request.headers.authorization !== login) {
    response.writeHead(401).end();
    return;
  }
  response.writeHead(200, { "content-type": "application/json" }).end(answerAll(desk, body));
}

function restBody({ rest, block }: Desk, path: string): Buffer | undefined {
  if (!rest) return undefined;
  if (path === `/rest/block/${block.header.hash}.bin`) return block.bytes;
  return path === `/rest/spenttxouts/${block.header.hash}.bin` ? block.spent : undefined;
}

interface Call {
  readonly id: unknown;
  readonly method: string;
  readonly params: readonly unknown[];
}

function answerAll(desk: Desk, body: string): string {
  const asked = JSON.parse(body) as Call | readonly Call[];
  const one = (call: Call) =>
    `{"jsonrpc":"2.0","id":${JSON.stringify(call.id)},${answerTo(desk, call) ?? UNKNOWN}}`;
  return "method" in asked ? one(asked) : `[${asked.map(one).join()}]`;
}

const UNKNOWN = '"error":{"code":-8,"message":"Block height out of range"}';
const NOT_FOUND = '"error":{"code":-5,"message":"Block not found"}';

/** The member that tells the outcome; undefined where the height is not known. */
function answerTo({ block, printed, header, rest }: Desk, { method, params }: Call): string | undefined {
  const { height, hash } = block.header;
  switch (method) {
    case "getblockchaininfo":
      return `"result":${JSON.stringify({
        ...{ chain: "main", blocks: height, headers: height, bestblockhash: hash },
        ...{ initialblockdownload: false, pruned: false },
      })}`;
    case "getnetworkinfo":
      return `"result":{"version":${rest ? 310_000 : 230_000}}`;
    case "getblockhash":
      if (params[0] === 0) return `"result":"${GENESIS}"`;
      return params[0] === height ? `"result":"${hash}"` : undefined;
    case "getblockheader":
      return params[0] === hash ? `"result":${header}` : NOT_FOUND;
    case "getblock":
      return params[0] === hash && params[1] === 3 ? `"result":${printed}` : NOT_FOUND;
    default:
      return '"error":{"code":-32601,"message":"Method not found"}';
  }
}
