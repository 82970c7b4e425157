import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { freePort } from "../../runtime/services/port.ts";

const PACKAGE = `@foundry-rs/anvil-${process.platform === "win32" ? "win32" : process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;
const BINARY = fileURLToPath(new URL(`../../node_modules/${PACKAGE}/bin/anvil`, import.meta.url));
/** How long anvil may take to listen: it makes its accounts first. */
const START_MS = 30_000;

/** Whether anvil is installed for this machine. */
export const HAS_ANVIL = existsSync(BINARY);

/** A running anvil: a real EVM with a chain that mines and reorganises when told to. */
export interface Anvil {
  readonly port: number;
  /** One call; its result. Throws what the node answers as an error. */
  rpc(method: string, ...params: readonly unknown[]): Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts anvil on a free port; a transaction is mined at once. */
export async function startAnvil(): Promise<Anvil> {
  const port = await freePort("Anvil");
  const child = spawn(BINARY, ["--port", String(port), "--silent", "--accounts", "3"], { stdio: "ignore" });
  const rpc = (method: string, ...params: readonly unknown[]) => call(port, method, params);
  const startedAt = performance.now();
  for (;;) {
    const answers = await rpc("eth_chainId").then(
      () => true,
      () => false,
    );
    if (answers) return { port, rpc, stop: () => stop(child) };
    if (child.exitCode !== null || performance.now() - startedAt > START_MS)
      throw new Error("anvil does not start");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function call(port: number, method: string, params: readonly unknown[]): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const answer = (await response.json()) as { result?: unknown; error?: { message: string } };
  if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
  return answer.result;
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    if (child.exitCode !== null) resolve();
    child.kill("SIGKILL");
  });
}
