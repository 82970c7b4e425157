import type { Keccak256 } from "../../stream/ethereum/block.ts";
import { RlpInvalid, spanAt, uintBytes, uintOf } from "../../stream/ethereum/rlp.ts";
import { envelopeType } from "./parts.ts";
import { recoverKey } from "./recovery.ts";
import { closeList, openTape, putByte, putRaw, putString, written } from "./tape.ts";

/** What decides whether a signature is valid beside the transaction itself. */
export interface SigningRules {
  /** The chain whose id a signature may carry; undefined: any (it was checked when the block was written). */
  readonly chainId: bigint | undefined;
  /** Frontier allowed a high `s`. */
  readonly highS: boolean;
  readonly keccak: Keccak256;
}

/** A signature that is not valid on this chain. */
export class SignatureInvalid extends Error {
  override readonly name = "SignatureInvalid";
}

/** Main-net's first Homestead block, from which on `s` must be low (EIP-2, EIP-606); other chains began with it. */
const HOMESTEAD_HEIGHT = 1_150_000n;
const MAINNET = 1n;

/** Whether a block may hold signatures with a high `s`. */
export function allowsHighS(chainId: bigint | undefined, height: bigint): boolean {
  return (chainId === undefined || chainId === MAINNET) && height < HOMESTEAD_HEIGHT;
}

/** Half of secp256k1's order (SEC 2 §2.4.1, EIP-2). */
const HALF_ORDER = Buffer.from("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0", "hex");

/** How many fields a transaction of each type has, its signature included. */
const FIELD_COUNTS = [9, 11, 12, 14, 13] as const;

/** The 20 bytes of the address that signed a transaction. Throws `SignatureInvalid`, `RlpInvalid`. */
export function recoverSender(transaction: Uint8Array, rules: SigningRules): Uint8Array {
  const type = envelopeType(transaction);
  const found = findFields(transaction, type);
  const count = FIELD_COUNTS[type];
  if (count === undefined) throw new SignatureInvalid(`type ${type} is not known here`);
  if (found !== count) throw new SignatureInvalid(`${found} fields instead of ${count}`);
  const v = fieldAt(transaction, count - 3);
  const signed = transaction.subarray(FIELDS[0], FIELDS[count - 3]);
  const message =
    type === 0
      ? legacyMessage(signed, uintOf(v))
      : typedMessage({ type, signed, chainId: uintOf(fieldAt(transaction, 0)) }, uintOf(v));
  checkChain(message.chainId, rules.chainId);
  place(fieldAt(transaction, count - 2), fieldAt(transaction, count - 1));
  if (!rules.highS && Buffer.compare(S, HALF_ORDER) > 0) {
    throw new SignatureInvalid("s is in the upper half of the order");
  }
  return addressOf(message, rules.keccak);
}

/** Where the fields of a transaction begin and the last one ends, one transaction after the other: an array for each field costs too much. */
const FIELDS = new Int32Array(Math.max(...FIELD_COUNTS) + 1);

/** Finds a transaction's fields; how many there are. Throws `RlpInvalid`. */
function findFields(transaction: Uint8Array, type: number): number {
  const list = spanAt(transaction, type === 0 ? 0 : 1, transaction.length);
  if (!list.list || list.end !== transaction.length) throw new RlpInvalid("a whole list was expected", 0);
  let count = 0;
  for (let at = list.start; at < list.end; count += 1) {
    FIELDS[count] = at;
    at = spanAt(transaction, at, list.end).end;
  }
  FIELDS[count] = list.end;
  return count;
}

/** The byte string of a field that was found. Throws `RlpInvalid`. */
function fieldAt(transaction: Uint8Array, index: number): Uint8Array {
  const field = spanAt(transaction, FIELDS[index] ?? 0, FIELDS[index + 1] ?? 0);
  if (field.list) throw new RlpInvalid("a byte string was expected", field.start);
  return transaction.subarray(field.start, field.end);
}

interface Message {
  readonly recovery: number;
  readonly chainId: bigint | undefined;
  readonly bytes: Uint8Array;
}

/** Where the bytes that a signature covers are put together, one transaction after the other: a buffer for each would cost as much as its hash. */
const COVERED = openTape(4096);

/** EIP-155: `v` carries chain id and parity, and the message ends with the chain id; before it `v` is 27 or 28. */
function legacyMessage(signed: Uint8Array, v: bigint): Message {
  COVERED.used = 0;
  if (v === 27n || v === 28n) {
    return { recovery: Number(v - 27n), chainId: undefined, bytes: listAround(signed) };
  }
  if (v < 35n) throw new SignatureInvalid(`v is ${v}`);
  const chainId = (v - 35n) / 2n;
  putRaw(COVERED, NOTHING_TWICE);
  putString(COVERED, uintBytes(chainId));
  return { recovery: Number((v - 35n) % 2n), chainId, bytes: listAround(signed) };
}

const NOTHING_TWICE = new Uint8Array([0x80, 0x80]);

/** The type byte and the payload without the signature (EIP-2718's types 1 to 4). */
function typedMessage(
  payload: { readonly type: number; readonly signed: Uint8Array; readonly chainId: bigint },
  parity: bigint,
): Message {
  if (parity > 1n) throw new SignatureInvalid(`yParity is ${parity}`);
  COVERED.used = 0;
  listAround(payload.signed);
  putByte(COVERED, payload.type);
  return { recovery: Number(parity), chainId: payload.chainId, bytes: written(COVERED, 0) };
}

/** The list of the signed fields and of what stands behind them already; it lasts until the next one. */
function listAround(signed: Uint8Array): Uint8Array {
  putRaw(COVERED, signed);
  closeList(COVERED, 0);
  return written(COVERED, 0);
}

function checkChain(signed: bigint | undefined, ours: bigint | undefined): void {
  if (signed === undefined || ours === undefined || signed === ours) return;
  throw new SignatureInvalid(`it is signed for chain ${signed}, not ${ours}`);
}

/**
 * What goes into secp256k1 and comes out of it, one signature after the other: the native code takes a small array
 * out of V8's heap before it reads it, which for new ones costs a twentieth of the recovery.
 */
const ROOM = new Uint8Array(64 + 32 + 65);
const SIGNATURE = ROOM.subarray(0, 64);
const S = ROOM.subarray(32, 64);
const HASH = ROOM.subarray(64, 96);
/** One byte and two coordinates (SEC 1 §2.3.3). */
const KEY = ROOM.subarray(96);
const COORDINATES = ROOM.subarray(97);

/** Puts the signature where the recovery reads it. */
function place(r: Uint8Array, s: Uint8Array): void {
  if (r.length > 32 || s.length > 32) throw new SignatureInvalid("r or s is longer than 32 bytes");
  SIGNATURE.fill(0);
  SIGNATURE.set(r, 32 - r.length);
  SIGNATURE.set(s, 64 - s.length);
}

/** The last 20 bytes of the hash of the public key that made the signature in its place. */
function addressOf(message: Message, keccak: Keccak256): Uint8Array {
  HASH.set(keccak(message.bytes));
  if (!recoverKey(SIGNATURE, message.recovery, HASH, KEY))
    throw new SignatureInvalid("it recovers to no key");
  return keccak(COORDINATES).subarray(12);
}
