import { move, transferableSymbol, valueSymbol } from "piscina";
import { proveAnswer } from "../bitcoin/prove.ts";
import type { BitcoinTask } from "../bitcoin/prover.ts";
import { noteLoaded } from "./loaded.ts";

noteLoaded();

/** Proves one answer on this thread; the value's bytes move to the caller instead of being copied. */
export function prove(task: BitcoinTask): unknown {
  const outcome = proveAnswer(task);
  if (outcome.kind !== "proven") return outcome;
  return move({ [transferableSymbol]: outcome.value.buffer, [valueSymbol]: outcome });
}
