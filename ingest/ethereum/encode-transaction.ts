import {
  arrayOf,
  data,
  type Field,
  FieldInvalid,
  isAbsent,
  type JsonObject,
  objectOf,
  putData,
  putFields,
  putItems,
  quantity,
  quantityOf,
  scalar,
} from "./fields.ts";
import { closeList, putByte, type Tape } from "./tape.ts";

const recipient: Field = {
  name: "to",
  put: (tape, value, name) => putData(tape, value ?? "0x", { name, length: isAbsent(value) ? 0 : 20 }),
};

/** 32 bytes in a list: a storage key, a blob hash. */
const word = data("", 32);

const accessList: Field = {
  name: "accessList",
  put: (tape, value, name) => putItems(tape, name, arrayOf(value, name), putAccess),
};

const authorizationList: Field = {
  name: "authorizationList",
  put: (tape, value, name) => putItems(tape, name, arrayOf(value, name), putAuthorization),
};

const blobVersionedHashes: Field = {
  name: "blobVersionedHashes",
  put: (tape, value, name) =>
    putItems(tape, name, arrayOf(value, name), (onto, hash) => word.put(onto, hash, "")),
};

const nonce = quantity("nonce", 8);
const gas = quantity("gas", 8);
const target = [gas, recipient, quantity("value", 32), data("input")] as const;
const chainId = quantity("chainId", 32);
const gasPrice = quantity("gasPrice", 32);
const fees = [quantity("maxPriorityFeePerGas", 32), quantity("maxFeePerGas", 32)] as const;
const signature = [scalar("r"), scalar("s")] as const;

/** The signed fields of each transaction type, in consensus order (EIP-2718): 0 legacy, 1 EIP-2930, 2 EIP-1559, 3 EIP-4844, 4 EIP-7702. */
const PAYLOADS: readonly (readonly Field[])[] = [
  [nonce, gasPrice, ...target],
  [chainId, nonce, gasPrice, ...target, accessList],
  [chainId, nonce, ...fees, ...target, accessList],
  [chainId, nonce, ...fees, ...target, accessList, quantity("maxFeePerBlobGas", 32), blobVersionedHashes],
  [chainId, nonce, ...fees, ...target, accessList, authorizationList],
];

const legacyV = quantity("v", 32);
const parity = scalar("yParity");

/** Writes a transaction as the transactions trie holds it: a list, or its type byte and a list. Throws `FieldInvalid`. */
export function putTransaction(tape: Tape, transaction: JsonObject): void {
  const type = transactionType(transaction["type"]);
  const mark = tape.used;
  putFields(tape, transaction, signature);
  if (type === 0) legacyV.put(tape, transaction["v"], "v");
  else parity.put(tape, parityOf(transaction), "yParity");
  putFields(tape, transaction, PAYLOADS[type] ?? []);
  closeList(tape, mark);
  if (type > 0) putByte(tape, type);
}

/** The transaction type that a JSON `type` names; absent in nodes older than Berlin. Throws `FieldInvalid`. */
export function transactionType(value: unknown): number {
  if (isAbsent(value)) return 0;
  const type = quantityOf(value, "type", 1);
  if (type >= PAYLOADS.length) {
    throw new FieldInvalid("type", `is ${type}, a transaction type that is not known here`);
  }
  return Number(type);
}

/** The signature's parity. Older nodes call it `v`, and some print a zero there as null. */
function parityOf(source: JsonObject): unknown {
  if (!isAbsent(source["yParity"])) return source["yParity"];
  return source["v"] === null ? "0x0" : source["v"];
}

function putAccess(tape: Tape, value: unknown): void {
  const access = objectOf(value, "");
  const mark = tape.used;
  putItems(tape, "storageKeys", arrayOf(access["storageKeys"], "storageKeys"), (onto, key) =>
    word.put(onto, key, ""),
  );
  putFields(tape, access, ACCESS);
  closeList(tape, mark);
}

const ACCESS = [data("address", 20)];
const AUTHORIZATION = [chainId, data("address", 20), nonce];

function putAuthorization(tape: Tape, value: unknown): void {
  const authorization = objectOf(value, "");
  const mark = tape.used;
  putFields(tape, authorization, signature);
  parity.put(tape, parityOf(authorization), "yParity");
  putFields(tape, authorization, AUTHORIZATION);
  closeList(tape, mark);
}
