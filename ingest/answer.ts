import { unescape as percentDecoded } from "node:querystring";
import type { BlockRef } from "../stream/block.ts";

/**
 * Why a node's answer can't be used:
 * `outage` is no answer at all (asked again, with backoff; `declined`: the node read the question and did not take it in
 * this form), `refusal` a node that is of no use for this chain (left out for a while), `unproven` an answer that parses but is not the block asked for (`waivable`:
 * whether waiving the proof would let it pass), `missing` a block that the node does not have, in its words where it has some.
 */
export type Fault =
  | {
      readonly kind: "outage";
      readonly reason: string;
      readonly retryAfterMs?: number;
      readonly declined?: true;
    }
  | { readonly kind: "refusal"; readonly reason: string }
  | {
      readonly kind: "unproven";
      readonly proof: string;
      readonly block: BlockRef;
      readonly reason: string;
      readonly waivable: boolean;
    }
  | { readonly kind: "missing"; readonly reason?: string };

/** A failed proof. */
export type Unproven = Extract<Fault, { readonly kind: "unproven" }>;

/** What came of one question to one node. */
export type Answer<T> = { readonly kind: "answer"; readonly value: T } | Fault;

/** One address of a node: takes a JSON-RPC text, gives the answer's bytes. */
export interface Endpoint {
  /** Host and port; never credentials or paths, which may hold keys. */
  readonly name: string;
  /** Posts `body`; the whole answer must be there within `timeoutMs`. Rejects only when `signal` aborts. */
  post(body: string, timeoutMs: number, signal: AbortSignal): Promise<Answer<ArrayBuffer>>;
  /** Calls back at each head that the node announces by itself; undefined where it can't. */
  readonly onHead: ((listener: () => void) => void) | undefined;
  close(): Promise<void>;
}

/** How much of an answer is read. */
export interface AnswerBound {
  readonly maxAnswerBytes: number;
}

/** The largest answer that is read, bytes: JSON is up to four times the 32 MiB that a raw record may have. */
export const MAX_ANSWER_BYTES = 128 * 1024 * 1024;
/** How long a connection may take to be made. */
export const CONNECT_TIMEOUT_MS = 5_000;

/** A node's address without what may be secret in it. */
export function nodeName(url: string): string {
  return new URL(url).host;
}

/** The `Authorization` header that the credentials of `url` stand for (RFC 7617); a `%` that encodes nothing stands for itself. */
export function authorization(url: string): Readonly<Record<string, string>> {
  const { username, password } = new URL(url);
  if (username === "" && password === "") return {};
  const pair = `${percentDecoded(username)}:${percentDecoded(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

/** `url` without its credentials. */
export function withoutCredentials(url: string): URL {
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  return bare;
}
