import type { Answer } from "../answer.ts";
import { type HttpAnswer, httpReason, statusFault, type Wire } from "../http.ts";

/** What a node's REST interface says: bytes, or why there are none. */
export type RestAnswer =
  | Answer<ArrayBuffer>
  /** It does not offer such a thing at all. */
  | { readonly kind: "off" }
  /** Nobody answers at that address, or not in time. */
  | { readonly kind: "unreachable"; readonly reason: string }
  /** It does, and has not this one. */
  | { readonly kind: "none"; readonly reason: string };

const HTTP_OK = 200;
const HTTP_NOT_FOUND = 404;
const HTTP_UNAVAILABLE = 503;

/** The REST interface below one base address. */
export interface Rest {
  /** `resource`: what follows `/rest/`. */
  get(resource: string, timeoutMs: number, signal: AbortSignal): Promise<RestAnswer>;
  close(): Promise<void>;
}

/** A REST interface at `base`, with or without a path of its own, and with or without `/rest` at its end. */
export function openRest(base: string, wire: Wire): Rest {
  const { pathname } = new URL(base);
  const root = pathname.replace(/\/+$/, "").replace(/\/rest$/, "");
  return {
    get: async (resource, timeoutMs, signal) => {
      const request = {
        method: "GET",
        path: `${root}/rest/${resource}`,
        headers: {},
        body: undefined,
      } as const;
      const answer = await wire.send(request, timeoutMs, signal);
      if (answer.kind === "answer") return restAnswer(answer.value);
      return { kind: "unreachable", reason: answer.kind === "outage" ? answer.reason : answer.kind };
    },
    close: wire.close,
  };
}

/** In these words Core lacks a block, or its spent outputs (`rest.cpp`); they begin with its hash. */
const LACKING = /^HTTP 404 [0-9a-f]{64} (not found|not available|undo not available)/;

/** Core names what it lacks by a 404 with a text; a server that knows no such path has none, or a page. */
function restAnswer(answer: HttpAnswer): RestAnswer {
  const { status, body } = answer;
  if (status === HTTP_OK) return isBytes(answer) ? { kind: "answer", value: body } : NO_BYTES;
  const reason = httpReason(answer);
  if (status === HTTP_NOT_FOUND && LACKING.test(reason)) return { kind: "none", reason };
  if (status === HTTP_UNAVAILABLE) return { kind: "outage", reason: unavailable(reason) };
  if (status >= 400 && status < 500 && status !== 429) return { kind: "off" };
  return statusFault(answer);
}

const NO_BYTES: RestAnswer = { kind: "outage", reason: "REST: a page or nothing instead of bytes" };

/** Something between us and the node may answer in its place, and in words. */
function isBytes({ type, body }: HttpAnswer): boolean {
  return body.byteLength > 0 && !/^(text\/|application\/json)/.test(type ?? "");
}

/** What a 503 of Bitcoin Core means. */
export function unavailable(reason: string): string {
  if (/work queue/i.test(reason)) return `${reason}: more calls wait than its -rpcworkqueue lets in`;
  return /temporarily unavailable/i.test(reason) ? `it is starting: ${reason}` : reason;
}
