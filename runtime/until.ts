import type { ChainName } from "../stream/block.ts";
import { InvalidUsage } from "./exit.ts";

/** `--until <chain>=<height>`: where each named chain stops. */
export type Untils = ReadonlyMap<ChainName, number>;

/** Collects one `--until` of the command line: a chain ends at one height, which may be said twice. Throws `InvalidUsage`. */
export function collectUntil(text: string, before: Untils): Untils {
  const match = /^([a-z0-9][a-z0-9-]*)=(\d+)$/.exec(text);
  const height = Number(match?.[2]);
  if (match?.[1] === undefined || !Number.isSafeInteger(height)) {
    throw new InvalidUsage(`--until ${text}: write <chain>=<height>, for instance ethereum=17686120`);
  }
  const chain = match[1] as ChainName;
  const other = before.get(chain) ?? height;
  if (other !== height)
    throw new InvalidUsage(`--until ${text}: ${chain} was to end at ${other} before; name one height`);
  return new Map(before).set(chain, height);
}

/** Those of a process's chains that it serves: all, or, where any `--until` was given, those that one names. */
export function servedChains(chains: Iterable<ChainName>, untils: Untils): readonly ChainName[] {
  const all = [...chains];
  return untils.size === 0 ? all : all.filter((chain) => untils.has(chain));
}
