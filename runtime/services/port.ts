import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { ServiceFailed } from "./errors.ts";

/**
 * Ports below the range from which Linux takes the near end of outgoing connections (32768 on):
 * in that range a client that knocks at a stopped server can be given the server's own port, and keeps it from coming back.
 */
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 32_000;
const TRIES = 200;

/** What this process was given: its servers may not listen yet. */
const given = new Set<number>();

/** A port of the loopback interface on which nothing listens: `wanted` when it is free, else one by lot that was not given before. */
export async function freePort(service: string, wanted?: number): Promise<number> {
  if (wanted !== undefined && (await isFree(wanted))) {
    given.add(wanted);
    return wanted;
  }
  for (let tried = 0; tried < TRIES; tried++) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new ServiceFailed(service, `no free port between ${LOWEST_PORT} and ${HIGHEST_PORT} on 127.0.0.1`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
