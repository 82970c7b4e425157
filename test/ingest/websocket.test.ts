import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import type { Endpoint } from "../../ingest/answer.ts";
import { openWebSocket } from "../../ingest/websocket.ts";

const NEVER = new AbortController().signal;
const UNASKED = [
  '{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0x1","result":{}}}',
  ' { "method" : "eth_subscription", "jsonrpc": "2.0", "params": [] }',
];

let server: WebSocketServer;
let endpoint: Endpoint;
/** Says each question again, among what nobody asked for. */
beforeAll(async () => {
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) =>
    socket.on("message", (question) => {
      for (const text of UNASKED) socket.send(text);
      socket.send(String(question));
      for (const text of UNASKED) socket.send(text);
    }),
  );
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  endpoint = openWebSocket(`ws://127.0.0.1:${port}`, { maxAnswerBytes: 1_000 });
});
afterAll(async () => {
  await endpoint.close();
  server.close();
});

it("takes no notification for an answer, in whatever order they come", async () => {
  const answers = ['[{"id":0,"result":"0x1"}]', '{"jsonrpc":"2.0","id":1,"result":{"method":"a"}}', "[]"];
  for (let round = 0; round < 20; round += 1) {
    for (const body of answers) {
      const answer = await endpoint.post(body, 5_000, NEVER);
      if (answer.kind !== "answer") throw new Error(answer.reason);
      expect(Buffer.from(answer.value).toString()).toBe(body);
    }
  }
});

it("reads no answer that is too large, and answers the next question all the same", async () => {
  const large = await endpoint.post(JSON.stringify("0".repeat(1_000)), 5_000, NEVER);
  expect(large).toEqual({ kind: "outage", reason: "Max payload size exceeded" });
  expect(await endpoint.post("[]", 5_000, NEVER)).toMatchObject({ kind: "answer" });
});
