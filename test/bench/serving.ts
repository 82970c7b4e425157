import { Pool } from "undici";

/** What a request to a node needs; its answer comes as bytes. */
export type Request =
  | { readonly kind: "get"; readonly path: string }
  | { readonly kind: "calls"; readonly calls: unknown };

/** How a node is asked for its blocks. */
export interface Form {
  readonly name: string;
  /** How many of the chain's blocks are asked for in this form. */
  readonly blocks: number;
  /** The node's option that leaves it no better form. */
  readonly nodeFlag?: string;
  readonly hashCall: (height: number) => unknown;
  readonly hashIn: (result: unknown) => string;
  /** Requests whose answers make a raw record. */
  readonly blockRequests: (hash: string) => readonly Request[];
}

/** What a node can serve to a client that does nothing with it. */
export interface Serving {
  readonly blocksPerS: number;
  readonly bytesPerBlock: number;
}

/** As many requests at once as keep the node busy. */
const AT_ONCE = 8;
const HASHES_A_BATCH = 100;

/** Pulls the blocks of `heights` as fast as the node gives them. */
export async function pull(url: string, form: Form, heights: readonly number[]): Promise<Serving> {
  const pool = new Pool(url, { connections: AT_ONCE });
  const waiting = await hashesAt(pool, form, heights);
  const startedAt = performance.now();
  let bytes = 0;
  const work = async () => {
    for (let hash = waiting.pop(); hash !== undefined; hash = waiting.pop()) {
      const answers = await Promise.all(form.blockRequests(hash).map((request) => ask(pool, request)));
      bytes += answers.reduce((sum, answer) => sum + answer.byteLength, 0);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const seconds = (performance.now() - startedAt) / 1000;
  await pool.close();
  return { blocksPerS: heights.length / seconds, bytesPerBlock: bytes / heights.length };
}

/** A call of JSON-RPC. */
export function call(id: number, method: string, ...params: readonly unknown[]): unknown {
  return { jsonrpc: "2.0", id, method, params };
}

async function hashesAt(pool: Pool, form: Form, heights: readonly number[]): Promise<string[]> {
  const hashes: string[] = [];
  for (let from = 0; from < heights.length; from += HASHES_A_BATCH) {
    const calls = heights.slice(from, from + HASHES_A_BATCH).map(form.hashCall);
    const text = Buffer.from(await ask(pool, { kind: "calls", calls })).toString();
    hashes.push(...(JSON.parse(text) as { result: unknown }[]).map(({ result }) => form.hashIn(result)));
  }
  return hashes;
}

async function ask(pool: Pool, request: Request): Promise<ArrayBuffer> {
  const { body } = await pool.request(
    request.kind === "get"
      ? { path: request.path, method: "GET" }
      : {
          path: "/",
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(request.calls),
        },
  );
  return await body.arrayBuffer();
}
