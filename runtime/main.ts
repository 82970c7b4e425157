#!/usr/bin/env node
import { whenSupervisorGone } from "./child.ts";
import { readRequest } from "./cli.ts";
import { EXIT, exitCodeOf, isUnforeseen } from "./exit.ts";
import { redactor } from "./redact.ts";

/** DESIGN §1: gone within 10 s of SIGINT or SIGTERM, whatever still hangs. */
const END_PATIENCE_MS = 9500;
/** Where the supervisor was killed, its Kafka may be gone with it: no use in waiting long for an orderly goodbye. */
const ORPHAN_PATIENCE_MS = 3000;

async function main(argv: readonly string[]): Promise<number> {
  const ending = endSignal();
  try {
    const request = readRequest(argv);
    if (request.kind === "answered") return request.code;
    return (await request.action(ending)) ?? EXIT.done;
  } catch (error) {
    // What breaks while everything is being let go is a consequence of that.
    if (ending.aborted) return EXIT.done;
    complain(error);
    return exitCodeOf(error);
  }
}

/** Aborts at SIGINT, at SIGTERM, and when our supervisor is gone; soon after that the process ends in any case. */
function endSignal(): AbortSignal {
  const controller = new AbortController();
  const endWithin = (patienceMs: number) => () => {
    controller.abort();
    setTimeout(() => void leave(EXIT.done), patienceMs).unref();
  };
  // Every time, not once: npx passes on the Ctrl-C that the terminal has sent us too.
  for (const event of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(event, endWithin(END_PATIENCE_MS));
  whenSupervisorGone(endWithin(ORPHAN_PATIENCE_MS));
  return controller.signal;
}

/** Loaded at the end, so that no start waits for it. */
async function leave(code: number): Promise<never> {
  const { leave: leaveNow } = await import("./leave.ts");
  return leaveNow(code);
}

/** One line for what somebody can mend; the stack of what only we can. */
function complain(error: unknown): void {
  const hide = redactor(process.env);
  const text = error instanceof Error && !isUnforeseen(error) ? error.message : stackOf(error);
  process.stderr.write(`sluice: ${hide(text)}\n`);
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

/** Resolves when all that was printed has left: a pipe takes a long answer bit by bit, and is closed early by a reader like `head`. */
function printed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    stream.once("error", () => resolve());
    stream.write("", () => resolve());
  });
}

const code = await main(process.argv.slice(2));
await Promise.all([printed(process.stdout), printed(process.stderr)]);
await leave(code);
