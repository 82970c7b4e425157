import type { BlockHash, BlockHeader } from "../../stream/block.ts";
import { isObject } from "../rpc.ts";

/** A block's place from its JSON; undefined where the form is wrong. */
export function headerOf(json: unknown): BlockHeader | undefined {
  if (!isObject(json)) return undefined;
  const height = quantity(json["number"]);
  const time = quantity(json["timestamp"]);
  const hash = hashOf(json["hash"]);
  const parent = hashOf(json["parentHash"]);
  if (height === undefined || time === undefined || hash === undefined || parent === undefined)
    return undefined;
  return { height, hash, parent, time };
}

/** A JSON-RPC quantity (`0x…`) that fits a safe integer. */
export function quantity(value: unknown): number | undefined {
  if (typeof value !== "string" || !/^0x[0-9a-f]{1,14}$/i.test(value)) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** A height as JSON-RPC writes it. */
export function hex(height: number): string {
  return `0x${height.toString(16)}`;
}

/** A hash as JSON-RPC writes it, in lower case; undefined where the form is wrong. */
export function hashOf(value: unknown): BlockHash | undefined {
  if (typeof value !== "string" || !/^0x[0-9a-f]{64}$/i.test(value)) return undefined;
  return value.toLowerCase() as BlockHash;
}
