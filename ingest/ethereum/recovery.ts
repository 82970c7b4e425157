import { createRequire } from "node:module";
import secp256k1 from "secp256k1";
import { openLibsecp256k1, type Recover } from "./libsecp256k1.ts";

/** Recovery by npm's secp256k1. */
export const recoverByPackage: Recover = (signature, recovery, hash, key) => {
  try {
    secp256k1.ecdsaRecover(signature, recovery, hash, false, key);
    return true;
  } catch {
    return false;
  }
};

const library = openLibsecp256k1();

/** The fastest recovery that is there. */
export const recoverKey: Recover = library ?? recoverByPackage;

/** Whether native code recovers; npm's secp256k1 without its own takes a JavaScript one, thirty times slower, without a word. */
export function hasNativeRecovery(): boolean {
  if (library !== undefined) return true;
  try {
    return createRequire(import.meta.url)("secp256k1/bindings") === secp256k1;
  } catch {
    return false;
  }
}
