import fc from "fast-check";
import secp256k1 from "secp256k1";
import { expect, test } from "vitest";
import { openLibsecp256k1 } from "../../../ingest/ethereum/libsecp256k1.ts";
import { recoverByPackage } from "../../../ingest/ethereum/recovery.ts";

const library = openLibsecp256k1();

/** The key that a recovery finds, or that there is none. */
function keyBy(recover: typeof recoverByPackage, signed: Signed): string {
  const key = new Uint8Array(65);
  const found = recover(signed.signature, signed.recovery, signed.hash, key);
  return found ? Buffer.from(key).toString("hex") : "none";
}

interface Signed {
  readonly signature: Uint8Array;
  readonly recovery: number;
  readonly hash: Uint8Array;
}

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const secret = bytes(32).filter((one) => secp256k1.privateKeyVerify(one));

test("npm's package recovers the key that signed", () => {
  fc.assert(
    fc.property(secret, bytes(32), (ours, hash) => {
      const { signature, recid } = secp256k1.ecdsaSign(hash, ours);
      const key = Buffer.from(secp256k1.publicKeyCreate(ours, false)).toString("hex");
      expect(keyBy(recoverByPackage, { signature, recovery: recid, hash })).toBe(key);
    }),
  );
});

test.runIf(library !== undefined)("the system's library recovers what npm's package does", () => {
  if (library === undefined) return;
  const edge = fc.constantFrom(new Uint8Array(32), new Uint8Array(32).fill(255));
  const half = fc.oneof(bytes(32), edge);
  const parity = fc.integer({ min: 0, max: 1 });
  fc.assert(
    fc.property(half, half, parity, half, (r, s, recovery, hash) => {
      const signed = { signature: Buffer.concat([r, s]), recovery, hash };
      expect(keyBy(library, signed)).toBe(keyBy(recoverByPackage, signed));
    }),
    { numRuns: 1000 },
  );
});
