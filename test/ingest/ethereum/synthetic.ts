import secp256k1 from "secp256k1";
import { keccak256 } from "../../../ingest/ethereum/keccak.ts";
import { encodeRlp, type RlpItem, uintBytes } from "../../../stream/ethereum/rlp.ts";

/** The chain id of every synthetic block. */
export const CHAIN_ID = 1337;

/** JSON as a node would print it, free to be altered by a test. */
// biome-ignore lint/suspicious/noExplicitAny: a test alters any field of it to any value
export type Json = any;

/** A `0x…` text's bytes. */
export const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.slice(2), "hex"));
/** Bytes as a `0x…` text. */
export const hex = (data: Uint8Array): string => `0x${Buffer.from(data).toString("hex")}`;
/** A quantity as JSON-RPC prints it. */
export const quantity = (value: bigint | number): string => `0x${value.toString(16)}`;
/** 20 bytes of one value. */
export const address = (byte: number): string => `0x${byte.toString(16).padStart(2, "0").repeat(20)}`;
/** 32 bytes of one value. */
export const word = (byte: number): string => `0x${byte.toString(16).padStart(2, "0").repeat(32)}`;

/** A number's bytes from its quantity. */
export const number = (text: string): Uint8Array => uintBytes(BigInt(text));

/** What signs: the secret key is one byte, repeated. */
export function signerOf(secret: number): { readonly key: Uint8Array; readonly address: string } {
  const key = new Uint8Array(32).fill(secret);
  const address = hex(keccak256(secp256k1.publicKeyCreate(key, false).subarray(1)).subarray(12));
  return { key, address };
}

/** A transaction to sign. `legacy` without EIP-155: `protect` is false. */
export interface Wanted {
  readonly type: 0 | 1 | 2 | 3 | 4;
  readonly secret: number;
  readonly nonce: number;
  readonly to?: string;
  readonly value?: bigint;
  readonly input?: string;
  readonly protect?: boolean;
  readonly chainId?: number;
  readonly highS?: boolean;
}

/** A signed transaction: its JSON, and its bytes as its trie holds them. */
export interface Signed {
  readonly json: Json;
  readonly encoded: Uint8Array;
}

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** Signs a transaction; fields that a test does not name have values of their own, so that a mix-up shows. */
export function sign(wanted: Wanted): Signed {
  const fields = fieldsOf(wanted);
  const chainId = wanted.chainId ?? CHAIN_ID;
  const tail =
    wanted.type === 0 && wanted.protect !== false ? [uintBytes(chainId), number("0x0"), number("0x0")] : [];
  const message = envelope(wanted.type, [...fields.map(([, item]) => item), ...tail]);
  const signature = signatureOf(message, wanted);
  const v = wanted.type > 0 ? signature.parity : legacyV(signature.parity, wanted, chainId);
  const encoded = envelope(wanted.type, [
    ...fields.map(([, item]) => item),
    uintBytes(v),
    uintBytes(signature.r),
    uintBytes(signature.s),
  ]);
  const json = {
    ...jsonOf(wanted, chainId),
    v: quantity(v),
    ...(wanted.type > 0 ? { yParity: quantity(v) } : {}),
    r: quantity(signature.r),
    s: quantity(signature.s),
    from: signerOf(wanted.secret).address,
    hash: hex(keccak256(encoded)),
  };
  return { json, encoded };
}

/** An EIP-2718 envelope's bytes. */
export function envelope(type: number, items: readonly RlpItem[]): Uint8Array {
  const list = encodeRlp(items);
  return type === 0 ? list : new Uint8Array([type, ...list]);
}

function legacyV(parity: number, wanted: Wanted, chainId: number): number {
  return wanted.protect === false ? 27 + parity : 35 + 2 * chainId + parity;
}

function signatureOf(message: Uint8Array, wanted: Wanted): { r: bigint; s: bigint; parity: number } {
  const { signature, recid } = secp256k1.ecdsaSign(keccak256(message), signerOf(wanted.secret).key);
  const r = BigInt(hex(signature.subarray(0, 32)));
  const s = BigInt(hex(signature.subarray(32)));
  return wanted.highS === true ? { r, s: ORDER - s, parity: 1 - recid } : { r, s, parity: recid };
}

function jsonOf(wanted: Wanted, chainId: number): Json {
  const { type } = wanted;
  return {
    type: quantity(type),
    nonce: quantity(wanted.nonce),
    gas: "0x5208",
    to: wanted.to ?? null,
    value: quantity(wanted.value ?? 0n),
    input: wanted.input ?? "0x",
    gasPrice: "0x77359400",
    ...(type > 0 || wanted.protect !== false ? { chainId: quantity(chainId) } : {}),
    ...(type > 0 ? { accessList: [{ address: address(0xac), storageKeys: [word(1), word(2)] }] } : {}),
    ...(type > 1 ? { maxPriorityFeePerGas: "0x3b9aca00", maxFeePerGas: "0x12a05f200" } : {}),
    ...(type === 3 ? { maxFeePerBlobGas: "0x7", blobVersionedHashes: [`0x01${"ab".repeat(31)}`] } : {}),
    ...(type === 4 ? { authorizationList: [AUTHORIZATION] } : {}),
  };
}

const AUTHORIZATION = {
  chainId: "0x539",
  address: address(0xde),
  nonce: "0x9",
  yParity: "0x1",
  r: word(0x11),
  s: word(0x12),
};

/** The signed fields in consensus order, written out from the EIPs a second time. */
function fieldsOf(wanted: Wanted): readonly (readonly [string, RlpItem])[] {
  const json = jsonOf(wanted, wanted.chainId ?? CHAIN_ID);
  const plain = (name: string): readonly [string, RlpItem] => [name, number(json[name])];
  const call = [
    plain("gas"),
    ["to", json.to === null ? new Uint8Array(0) : bytes(json.to)] as const,
    plain("value"),
    ["input", bytes(json.input)] as const,
  ];
  const head = wanted.type === 0 ? [plain("nonce")] : [plain("chainId"), plain("nonce")];
  const fees = wanted.type < 2 ? [plain("gasPrice")] : [plain("maxPriorityFeePerGas"), plain("maxFeePerGas")];
  const access =
    wanted.type === 0
      ? []
      : [["accessList", [[bytes(address(0xac)), [bytes(word(1)), bytes(word(2))]]]] as const];
  return [...head, ...fees, ...call, ...access, ...typedFields(wanted.type, json)];
}

function typedFields(type: number, json: Json): readonly (readonly [string, RlpItem])[] {
  if (type === 3) {
    return [
      ["maxFeePerBlobGas", number(json.maxFeePerBlobGas)],
      ["blobVersionedHashes", json.blobVersionedHashes.map(bytes)],
    ];
  }
  if (type !== 4) return [];
  const one = AUTHORIZATION;
  const tuple = [
    number(one.chainId),
    bytes(one.address),
    number(one.nonce),
    number(one.yParity),
    number(one.r),
    number(one.s),
  ];
  return [["authorizationList", [tuple]]];
}
