import { move, transferableSymbol, valueSymbol } from "piscina";
import { proveBody } from "../ethereum/prove-body.ts";
import type { ProveTask } from "../ethereum/prover.ts";
import { noteLoaded } from "./loaded.ts";

noteLoaded();

/** Proves one answer on this thread; the value's bytes move to the caller instead of being copied. */
export function prove(task: ProveTask): unknown {
  const outcome = proveBody(task);
  if (outcome.kind !== "proven") return outcome;
  return move({ [transferableSymbol]: outcome.value.buffer, [valueSymbol]: outcome });
}
