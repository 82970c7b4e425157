import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { openDatabase } from "../../../warehouse/postgres/client.ts";
import { isOutage } from "../../../warehouse/postgres/outage.ts";

let server: Server;
afterEach(() => server.close());

/** A message of Postgres's protocol: its letter, its length, its body. */
function message(letter: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(letter);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const AUTHENTICATED = message("R", Buffer.alloc(4));
const READY = message("Z", Buffer.from("I"));
const DONE = message("C", Buffer.from("SELECT 0\0"));
const LAST_WORDS = message(
  "E",
  Buffer.from("SFATAL\0VFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0"),
);

/** A server whose connections from the second on are welcomed and ended in one breath. */
async function dyingServer(): Promise<string> {
  let connections = 0;
  const welcome = (socket: Socket) => {
    connections += 1;
    socket.on("error", () => undefined);
    if (connections > 1) socket.end(Buffer.concat([AUTHENTICATED, READY, LAST_WORDS]));
    else socket.write(Buffer.concat([AUTHENTICATED, READY]));
    socket.on("data", (asked) => {
      if (asked.includes("select 1")) socket.write(Buffer.concat([DONE, READY]));
      if (asked.includes("hang")) setTimeout(() => socket.destroy(), 500);
    });
  };
  server = createServer((socket) => socket.once("data", () => welcome(socket)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `postgres://u:p@127.0.0.1:${(server.address() as AddressInfo).port}/d?sslmode=disable`;
}

it("takes the last words of a dying server, however early they come, as the end of what was asked", async () => {
  const db = await openDatabase(await dyingServer());
  const failures = await Promise.allSettled([db.query("hang"), db.transaction(async () => undefined)]);
  for (const failure of failures) {
    const { reason } = failure as PromiseRejectedResult;
    // Named, so that a verb that asks once says what is away; and still one that a sink waits for.
    expect([reason.name, isOutage(reason)]).toEqual(["DatabaseUnreachable", true]);
    expect(reason.message).toMatch(
      /^no Postgres answers at 127\.0\.0\.1:\d+\/d \(.*(not queryable|terminat).*\); check DATABASE_URL$/,
    );
  }
  await db.close();
});
