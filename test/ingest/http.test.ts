import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { openHttp, retryAfterOf } from "../../ingest/http.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A server that answers every request by `serve`; its port. */
async function serverOf(
  serve: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<number> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => serve(request, response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

async function ask(url: string, timeoutMs = 2_000, maxAnswerBytes = 1_000) {
  const endpoint = openHttp(url, { maxAnswerBytes });
  closing.push(() => endpoint.close());
  return { name: endpoint.name, answer: await endpoint.post("[]", timeoutMs, new AbortController().signal) };
}

describe("openHttp", () => {
  it("sends the URL's credentials as a header, and its path, and names the node without both", async () => {
    const seen: (string | undefined)[] = [];
    const port = await serverOf((request, response) => {
      seen.push(request.headers.authorization, request.url);
      response.end("[]");
    });
    const { name, answer } = await ask(`http://us%40er:pa%3Ass@127.0.0.1:${port}/v1/key?a=b`);
    expect(name).toBe(`127.0.0.1:${port}`);
    expect(seen).toEqual([`Basic ${Buffer.from("us@er:pa:ss").toString("base64")}`, "/v1/key?a=b"]);
    expect(answer.kind === "answer" && Buffer.from(answer.value).toString()).toBe("[]");
  });

  it("takes a percent sign of a password that encodes nothing as it stands", async () => {
    const seen: (string | undefined)[] = [];
    const port = await serverOf((request, response) => {
      seen.push(request.headers.authorization);
      response.end("[]");
    });
    await ask(`http://me:50%off%21@127.0.0.1:${port}`);
    expect(seen).toEqual([`Basic ${Buffer.from("me:50%off!").toString("base64")}`]);
  });

  it("stops reading an answer that is too large", async () => {
    let sent = 0;
    const port = await serverOf((_, response) => {
      const timer = setInterval(() => {
        sent += 1;
        response.write(Buffer.alloc(600, "0"));
      }, 5);
      response.on("close", () => clearInterval(timer));
    });
    const { answer } = await ask(`http://127.0.0.1:${port}`);
    expect(answer).toEqual({ kind: "outage", reason: "the answer is larger than an answer may be" });
    expect(sent).toBeLessThan(20);
  });

  it("gives up an answer that drips", async () => {
    const port = await serverOf((_, response) => {
      const timer = setInterval(() => response.write(" "), 10);
      response.on("close", () => clearInterval(timer));
    });
    const { answer } = await ask(`http://127.0.0.1:${port}`, 200);
    expect(answer).toEqual({ kind: "outage", reason: "no whole answer within 200 ms" });
  });

  it.each([
    [401, "refusal", undefined],
    [403, "refusal", undefined],
    [500, "outage", undefined],
    [429, "outage", 2_000],
    [503, "outage", 2_000],
  ])("takes HTTP %i for a %s", async (status, kind, retryAfterMs) => {
    const port = await serverOf((_, response) => {
      const headers = retryAfterMs === undefined ? {} : { "retry-after": "2" };
      response.writeHead(status, headers).end("<b>no\n</b>");
    });
    const { answer } = await ask(`http://127.0.0.1:${port}`);
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
    expect(answer).toEqual({ kind, reason: `HTTP ${status} <b>no </b>`, ...wait });
  });

  it.each([400, 404, 405, 413])(
    "takes HTTP %i for a question that the node declines in this form",
    async (status) => {
      const port = await serverOf((_, response) => {
        response.writeHead(status).end("no");
      });
      const { answer } = await ask(`http://127.0.0.1:${port}`);
      expect(answer).toEqual({ kind: "outage", reason: `HTTP ${status} no`, declined: true });
    },
  );

  it("reads a JSON-RPC error under HTTP 400", async () => {
    const error = '{"jsonrpc":"2.0","id":0,"error":{"code":-32601,"message":"no such method"}}';
    const port = await serverOf((_, response) => {
      response.writeHead(400).end(error);
    });
    const { answer } = await ask(`http://127.0.0.1:${port}`);
    expect(answer.kind === "answer" && Buffer.from(answer.value).toString()).toBe(error);
  });

  it("rejects only when it is told to stop", async () => {
    const port = await serverOf(() => undefined);
    const endpoint = openHttp(`http://127.0.0.1:${port}`, { maxAnswerBytes: 1_000 });
    closing.push(() => endpoint.close());
    const stop = new AbortController();
    const answer = endpoint.post("[]", 60_000, stop.signal);
    setTimeout(() => stop.abort(), 20);
    await expect(answer).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("retryAfterOf", () => {
  it("reads seconds and dates", () => {
    const now = Date.parse("2026-01-01T00:00:00Z");
    expect(retryAfterOf("120", now)).toBe(120_000);
    expect(retryAfterOf("Thu, 01 Jan 2026 00:00:30 GMT", now)).toBe(30_000);
    expect(retryAfterOf("Wed, 31 Dec 2025 23:59:30 GMT", now)).toBe(0);
    expect(retryAfterOf("soon", now)).toBeUndefined();
  });
});
