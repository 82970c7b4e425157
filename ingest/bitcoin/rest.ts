import { type Answer, authorization } from "../answer.ts";
import { type HttpAnswer, httpReason, statusFault, type Wire } from "../http.ts";

/** What a node's REST interface says: bytes, or why there are none. */
export type RestAnswer =
  | Answer<ArrayBuffer>
  | RestOff
  /** Nobody answers at that address, or not in time. */
  | { readonly kind: "unreachable"; readonly reason: string }
  /** It does, and has not this one. */
  | { readonly kind: "none"; readonly reason: string };

/** It does not offer such a thing at all, or not to us. */
export interface RestOff {
  readonly kind: "off";
  readonly reason: string;
  /** Whether it wants other credentials, or lets nobody in from here. */
  readonly refusesUs: boolean;
}

const HTTP_OK = 200;
const HTTP_UNAUTHORIZED = 401;
const HTTP_FORBIDDEN = 403;
const HTTP_NOT_FOUND = 404;
const HTTP_UNAVAILABLE = 503;

/** The REST interface below one base address. */
export interface Rest {
  /** `resource`: what follows `/rest/`. */
  get(resource: string, timeoutMs: number, signal: AbortSignal): Promise<RestAnswer>;
  close(): Promise<void>;
}

/** A REST interface at `base`, with or without credentials, a path of its own and a query, and with or without `/rest` at its end. */
export function openRest(base: string, wire: Wire): Rest {
  const { pathname, search } = new URL(base);
  const headers = authorization(base);
  const root = pathname.replace(/\/+$/, "").replace(/\/rest$/, "");
  return {
    get: async (resource, timeoutMs, signal) => {
      const request = {
        method: "GET",
        path: `${root}/rest/${resource}${search}`,
        headers,
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
  if (status === HTTP_UNAUTHORIZED || status === HTTP_FORBIDDEN) {
    return { kind: "off", reason, refusesUs: true };
  }
  if (status >= 400 && status < 500 && status !== 429) return { kind: "off", reason, refusesUs: false };
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
