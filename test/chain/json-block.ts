import { encodeRlp, type RlpItem } from "../../stream/ethereum/rlp.ts";
import {
  type Content,
  HEADER,
  type Header,
  headerHash,
  type Labels,
  type Transaction,
  transactionItem,
} from "./content.ts";
import { toHex, toInteger, toQuantity } from "./hex.ts";
import { bytesOf, listOf } from "./rlp-view.ts";

/** The block as geth prints it: with its whole transactions, or with their hashes. */
export function blockJson(content: Content, labels: Labels, full: boolean): Record<string, unknown> {
  return {
    ...blockFrame(content, encodeRlp(blockItem(content)).length),
    transactions: full ? transactionsJson(content, labels) : content.transactions.map((tx) => tx.hash),
  };
}

/** The block as geth prints it, without its transactions; `size` is the length of its RLP. */
export function blockFrame(content: Content, size: number): Record<string, unknown> {
  const { withdrawals } = content;
  return {
    ...headerJson(content.header),
    hash: content.hash,
    size: toQuantity(size),
    uncles: content.ommers.map((ommer) => headerHash(ommerHeader(ommer))),
    ...(withdrawals === undefined ? {} : { withdrawals: withdrawals.map(withdrawalJson) }),
  };
}

/** A block's ommers as geth prints them one by one: headers without transactions. */
export function ommersJson(content: Content): readonly Record<string, unknown>[] {
  return content.ommers
    .map(ommerHeader)
    .map((header) => ({ ...headerJson(header), hash: headerHash(header), uncles: [] }));
}

function ommerHeader(item: RlpItem): Header {
  return listOf(item).map(bytesOf);
}

/** The consensus item of a block. */
export function blockItem(content: Content): RlpItem {
  const { header, transactions, ommers, withdrawals } = content;
  const body: readonly RlpItem[] = [header, transactions.map(transactionItem), ommers];
  return withdrawals === undefined ? body : [...body, withdrawals];
}

/** A header as geth prints it, fields of later forks only where it has them; the hash is not among them. */
function headerJson(header: Header): Record<string, string> {
  const data = (name: keyof typeof HEADER) => toHex(header[HEADER[name]] ?? new Uint8Array());
  const quantity = (name: keyof typeof HEADER) =>
    toQuantity(toInteger(header[HEADER[name]] ?? new Uint8Array()));
  return {
    difficulty: quantity("difficulty"),
    extraData: data("extraData"),
    gasLimit: quantity("gasLimit"),
    gasUsed: quantity("gasUsed"),
    logsBloom: data("logsBloom"),
    miner: data("feeRecipient"),
    mixHash: data("mixHash"),
    nonce: data("nonce"),
    number: quantity("number"),
    parentHash: data("parentHash"),
    receiptsRoot: data("receiptsRoot"),
    sha3Uncles: data("ommersHash"),
    stateRoot: data("stateRoot"),
    timestamp: quantity("timestamp"),
    transactionsRoot: data("transactionsRoot"),
    ...(header.length > HEADER.baseFeePerGas ? { baseFeePerGas: quantity("baseFeePerGas") } : {}),
    ...(header.length > HEADER.withdrawalsRoot ? { withdrawalsRoot: data("withdrawalsRoot") } : {}),
    ...(header.length > HEADER.blobGasUsed
      ? {
          blobGasUsed: quantity("blobGasUsed"),
          excessBlobGas: quantity("excessBlobGas"),
          parentBeaconBlockRoot: data("parentBeaconBlockRoot"),
        }
      : {}),
    ...(header.length > HEADER.requestsHash ? { requestsHash: data("requestsHash") } : {}),
  };
}

function withdrawalJson(item: RlpItem): Record<string, string> {
  const [index, validator, address, amount] = listOf(item).map(bytesOf);
  const quantity = (bytes: Uint8Array | undefined) => toQuantity(toInteger(bytes ?? new Uint8Array()));
  return {
    index: quantity(index),
    validatorIndex: quantity(validator),
    address: toHex(address ?? new Uint8Array()),
    amount: quantity(amount),
  };
}

/** A block's transactions as geth prints them. */
export function transactionsJson(content: Content, labels: Labels): readonly Record<string, unknown>[] {
  const baseFee = baseFeeOf(content.header);
  return content.transactions.map((tx, index) => ({
    blockHash: labels.hash,
    blockNumber: labels.number,
    blockTimestamp: labels.time,
    from: tx.sender,
    hash: tx.hash,
    transactionIndex: toQuantity(index),
    type: toQuantity(tx.type),
    ...fieldsJson(tx, baseFee),
  }));
}

/** Wei a gas that a block burns; undefined before London. */
export function baseFeeOf(header: Header): bigint | undefined {
  const bytes = header[HEADER.baseFeePerGas];
  return bytes === undefined ? undefined : toInteger(bytes);
}

/** What a transaction pays a gas (EIP-1559), wei. */
export function effectiveGasPrice(tx: Transaction, baseFee: bigint | undefined): bigint {
  const named = namedFields(tx);
  if (tx.type < 2) return toInteger(bytesOf(named["gasPrice"]));
  const cap = toInteger(bytesOf(named["maxFeePerGas"]));
  const offered = (baseFee ?? 0n) + toInteger(bytesOf(named["maxPriorityFeePerGas"]));
  return offered < cap ? offered : cap;
}

/** The fields of each transaction type in consensus order (EIPs 2930, 1559, 4844, 7702), by geth's names. */
const FIELDS: readonly (readonly string[])[] = [
  ["nonce", "gasPrice", "gas", "to", "value", "input", "v", "r", "s"],
  ["chainId", "nonce", "gasPrice", "gas", "to", "value", "input", "accessList", "v", "r", "s"],
  [
    "chainId",
    "nonce",
    "maxPriorityFeePerGas",
    "maxFeePerGas",
    "gas",
    "to",
    "value",
    "input",
    "accessList",
    "v",
    "r",
    "s",
  ],
  [
    ...[
      "chainId",
      "nonce",
      "maxPriorityFeePerGas",
      "maxFeePerGas",
      "gas",
      "to",
      "value",
      "input",
      "accessList",
    ],
    ...["maxFeePerBlobGas", "blobVersionedHashes", "v", "r", "s"],
  ],
  [
    ...[
      "chainId",
      "nonce",
      "maxPriorityFeePerGas",
      "maxFeePerGas",
      "gas",
      "to",
      "value",
      "input",
      "accessList",
    ],
    ...["authorizationList", "v", "r", "s"],
  ],
];

/** A transaction's consensus fields by name. */
export function namedFields(tx: Transaction): Readonly<Record<string, RlpItem>> {
  const names = FIELDS[tx.type] ?? [];
  return Object.fromEntries(names.map((name, index) => [name, tx.fields[index] ?? new Uint8Array()]));
}

function fieldsJson(tx: Transaction, baseFee: bigint | undefined): Record<string, unknown> {
  const named = Object.entries(namedFields(tx)).map(([name, item]) => [name, fieldJson(name, item)] as const);
  const fields: Record<string, unknown> = Object.fromEntries(named);
  if (tx.type > 0) fields["yParity"] = fields["v"];
  if (tx.type >= 2) fields["gasPrice"] = toQuantity(effectiveGasPrice(tx, baseFee));
  const v = tx.type === 0 ? toInteger(bytesOf(namedFields(tx)["v"])) : 0n;
  // EIP-155: v = chainId · 2 + 35 or 36.
  if (v >= 35n) fields["chainId"] = toQuantity((v - 35n) / 2n);
  return fields;
}

function fieldJson(name: string, item: RlpItem): unknown {
  switch (name) {
    case "to":
      return bytesOf(item).length === 0 ? null : toHex(bytesOf(item));
    case "input":
      return toHex(bytesOf(item));
    case "accessList":
      return listOf(item).map(accessJson);
    case "blobVersionedHashes":
      return listOf(item).map((hash) => toHex(bytesOf(hash)));
    case "authorizationList":
      return listOf(item).map(authorizationJson);
    default:
      return toQuantity(toInteger(bytesOf(item)));
  }
}

function accessJson(item: RlpItem): Record<string, unknown> {
  const [address, keys] = listOf(item);
  return { address: toHex(bytesOf(address)), storageKeys: listOf(keys).map((key) => toHex(bytesOf(key))) };
}

function authorizationJson(item: RlpItem): Record<string, unknown> {
  const [chainId, address, nonce, yParity, r, s] = listOf(item).map(bytesOf);
  const quantity = (bytes: Uint8Array | undefined) => toQuantity(toInteger(bytes ?? new Uint8Array()));
  return {
    chainId: quantity(chainId),
    address: toHex(address ?? new Uint8Array()),
    nonce: quantity(nonce),
    yParity: quantity(yParity),
    r: quantity(r),
    s: quantity(s),
  };
}
