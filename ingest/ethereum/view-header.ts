import type { BlockHash, BlockHeader } from "../../stream/block.ts";
import type { Answer } from "../answer.ts";
import { refusedBy } from "../refuse.ts";
import { isObject } from "../rpc.ts";
import { unknownHeaderFields } from "./encode-header.ts";
import { jsonHeader } from "./json-block.ts";
import { type ProofSet, proveHeader } from "./prove-parts.ts";
import { ProofRefused } from "./refuse.ts";
import { hashOf, headerOf } from "./rpc.ts";

const HEADER: ProofSet = new Set(["header"]);

/**
 * A block's place from its JSON, proven by the hash over its header unless `trusted`: else one node's lie about a time or
 * a parent would make another one's honest block look false. `height` is the one that was asked for, undefined at the head.
 */
export function viewedHeader(
  json: unknown,
  height: number | undefined,
  trusted: boolean,
): Answer<BlockHeader> {
  const header = headerOf(json);
  try {
    if (!isObject(json)) throw new ProofRefused("header", "it is no block");
    if (!trusted) proveOwnHash(json, header);
    if (header === undefined) throw new ProofRefused("header", "hash, number, parent or time is none");
    if (height !== undefined && header.height !== height)
      throw new ProofRefused("header", `its number is ${header.height}, not ${height}`);
    return { kind: "answer", value: header };
  } catch (cause) {
    if (!(cause instanceof ProofRefused)) throw cause;
    const hash = (isObject(json) ? hashOf(json["hash"]) : undefined) ?? NO_HASH;
    const block = { height: height ?? header?.height ?? 0, hash };
    return { ...refusedBy(cause), kind: "unproven", block };
  }
}

const NO_HASH = "without a hash" as BlockHash;

function proveOwnHash(json: Readonly<Record<string, unknown>>, header: BlockHeader | undefined): void {
  const bytes = jsonHeader(json);
  if (header !== undefined) proveHeader(bytes, header, HEADER, unknownHeaderFields(json));
}
