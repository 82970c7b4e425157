/** One entry of a batch's answer. */
export interface RpcAnswer {
  readonly id: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

/** A call in the plainest way: what a test asks a node. Throws when the answer is an error or none. */
export async function ask(url: string, method: string, ...params: readonly unknown[]): Promise<unknown> {
  const [only] = await askAll(url, [[method, ...params]]);
  if (only?.error !== undefined) throw new Error(`${only.error.code} ${only.error.message}`);
  return only?.result;
}

/** A batch: ids are places. */
export async function askAll(
  url: string,
  calls: readonly (readonly [method: string, ...params: readonly unknown[]])[],
): Promise<readonly RpcAnswer[]> {
  const body = calls.map(([method, ...params], id) => ({ jsonrpc: "2.0", id, method, params }));
  return (await (await post(url, JSON.stringify(body))).json()) as readonly RpcAnswer[];
}

/** The bare HTTP answer to a body. */
export function post(url: string, body: string, type = "application/json"): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": type },
    body,
    signal: AbortSignal.timeout(5000),
  });
}
