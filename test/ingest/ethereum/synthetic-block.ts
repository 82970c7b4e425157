import { keccak256 } from "../../../ingest/ethereum/keccak.ts";
import type { ProveTask } from "../../../ingest/ethereum/prover.ts";
import type { BlockHash, BlockHeader } from "../../../stream/block.ts";
import { encodeRlp, type RlpItem } from "../../../stream/ethereum/rlp.ts";
import { plainRoot } from "./plain-trie.ts";
import {
  address,
  bytes,
  CHAIN_ID,
  hex,
  type Json,
  number,
  quantity,
  type Signed,
  sign,
  word,
} from "./synthetic.ts";
import { bloomOf, FAILING, logsOf, receiptOf, receiptsJson, traceOf } from "./synthetic-receipt.ts";

/** A fork that appended header fields; each has those of the forks before it. */
export type Fork = "frontier" | "byzantium" | "london" | "shanghai" | "cancun" | "prague" | "amsterdam";

const FORKS: readonly Fork[] = [
  "frontier",
  "byzantium",
  "london",
  "shanghai",
  "cancun",
  "prague",
  "amsterdam",
];

/** A block that was made for a test, in every form that a node serves. */
export interface Synthetic {
  readonly block: Json;
  readonly receipts: Json;
  readonly traces: Json;
  readonly ommers: Json;
  readonly rawBlock: string;
  readonly rawReceipts: readonly string[];
  readonly expected: BlockHeader;
}

/** What a block is to have. */
export interface BlockWanted {
  readonly fork: Fork;
  readonly transactions: readonly Signed[];
  readonly ommers?: number;
  /** Header fields that are to be other ones. */
  readonly header?: Json;
  /** The receipt whose bloom is to say that it has no logs. */
  readonly blind?: number;
}

/** One transaction of each type, a contract creation, and one that fails. */
export function sixTransactions(): readonly Signed[] {
  const data = `0xa9059cbb${"07".repeat(64)}`;
  return [
    sign({ type: 0, secret: 1, nonce: 0, to: address(0x0a), value: 7n }),
    sign({ type: 0, secret: 2, nonce: 300, value: 5n, input: "0x60016002", protect: false }),
    sign({ type: 1, secret: 3, nonce: 2, to: address(0x0b), input: data }),
    sign({ type: 2, secret: 4, nonce: 70_000, to: address(0x0c), value: 10n ** 21n }),
    sign({ type: 3, secret: 5, nonce: 4, to: address(0x0d), value: 1n }),
    sign({ type: 4, secret: 6, nonce: 5, to: address(0x0e), input: "0x00" }),
  ];
}

/** Builds the block, computing its roots, blooms and hash apart from the product's code. */
export function makeBlock(wanted: BlockWanted): Synthetic {
  const since = FORKS.indexOf(wanted.fork);
  const at = (fork: Fork): boolean => since >= FORKS.indexOf(fork);
  const logged = wanted.transactions.map((_, index) => {
    const logs = index === FAILING ? [] : logsOf(index);
    return { logs, bloom: bloomOf(index === wanted.blind ? [] : logs) };
  });
  const encodedReceipts = wanted.transactions.map((one, index) =>
    receiptOf(one, index, logged[index]!, at("byzantium")),
  );
  const ommers = Array.from({ length: wanted.ommers ?? 0 }, (_, index) => ommerOf(index));
  const withdrawals = at("shanghai") ? [withdrawal(1), withdrawal(2)] : undefined;
  const header: Json = {
    ...baseHeader(),
    sha3Uncles: hex(keccak256(encodeRlp(ommers.map(headerItems)))),
    transactionsRoot: hex(plainRoot(wanted.transactions.map((one) => one.encoded))),
    receiptsRoot: hex(plainRoot(encodedReceipts)),
    logsBloom: hex(bloomOf(logged.flatMap((one) => one.logs))),
    ...(at("london") ? { baseFeePerGas: "0x3b9aca07" } : {}),
    ...(withdrawals === undefined
      ? {}
      : { withdrawalsRoot: hex(plainRoot(withdrawals.map((one) => encodeRlp(withdrawalItems(one))))) }),
    ...(at("cancun")
      ? { blobGasUsed: "0x20000", excessBlobGas: "0x0", parentBeaconBlockRoot: word(0xbb) }
      : {}),
    ...(at("prague") ? { requestsHash: word(0xcc) } : {}),
    ...(at("amsterdam") ? { blockAccessListHash: word(0xdd), slotNumber: "0x1234567" } : {}),
    ...wanted.header,
  };
  const blockItems: RlpItem[] = [
    headerItems(header),
    wanted.transactions.map((one) => blockItem(one)),
    ommers.map(headerItems),
    ...(withdrawals === undefined ? [] : [withdrawals.map(withdrawalItems)]),
  ];
  const hash = hex(keccak256(encodeRlp(headerItems(header))));
  const place = { blockHash: hash, blockNumber: header.number };
  return {
    block: {
      ...header,
      hash,
      size: "0x1000",
      uncles: ommers.map((one) => hex(keccak256(encodeRlp(headerItems(one))))),
      transactions: wanted.transactions.map((one, index) => ({
        ...one.json,
        ...place,
        transactionIndex: quantity(index),
      })),
      ...(withdrawals === undefined ? {} : { withdrawals }),
    },
    receipts: receiptsJson(wanted.transactions, logged, { place, since: at("byzantium") }),
    traces: wanted.transactions.map((one, index) => traceOf(one, index)),
    ommers,
    rawBlock: hex(encodeRlp(blockItems)),
    rawReceipts: encodedReceipts.map(hex),
    expected: {
      height: Number(header.number),
      hash: hash as BlockHash,
      parent: header.parentHash as BlockHash,
      time: Number(header.timestamp),
    },
  };
}

/** The task that a batch with these answers makes. */
export function taskOf(made: Synthetic, form: "json" | "raw", change: Partial<ProveTask> = {}): ProveTask {
  const answers =
    form === "json"
      ? [made.block, made.receipts, made.traces, ...[made.ommers ?? []].flat()]
      : [made.rawBlock, made.rawReceipts, ...(change.traces === false ? [] : [made.traces])];
  return {
    body: bodyOf(answers.map((result, id) => ({ jsonrpc: "2.0", id, result }))),
    form,
    expected: made.expected,
    chainId: CHAIN_ID,
    traces: true,
    waive: [],
    ...change,
  };
}

/** A value as the bytes of an HTTP body. */
export function bodyOf(value: unknown): ArrayBuffer {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return new Uint8Array(Buffer.from(text)).buffer;
}

function baseHeader(): Json {
  return {
    parentHash: word(0xaa),
    miner: address(0xfe),
    stateRoot: word(0x5e),
    difficulty: "0x20000",
    number: "0x112233",
    gasLimit: "0x1c9c380",
    gasUsed: "0x1f418",
    timestamp: "0x64b03d8b",
    extraData: "0x736c75696365",
    mixHash: word(0x3d),
    nonce: "0x0000000000000042",
  };
}

function ommerOf(index: number): Json {
  const empty = hex(keccak256(encodeRlp([])));
  const root = hex(plainRoot([]));
  const logsBloom = `0x${"00".repeat(256)}`;
  return {
    ...baseHeader(),
    sha3Uncles: empty,
    transactionsRoot: root,
    receiptsRoot: root,
    logsBloom,
    nonce: `0x000000000000000${index}`,
  };
}

const TEXT = [
  "parentHash",
  "sha3Uncles",
  "miner",
  "stateRoot",
  "transactionsRoot",
  "receiptsRoot",
  "logsBloom",
];
const NUMBERS = ["difficulty", "number", "gasLimit", "gasUsed", "timestamp"];

function headerItems(header: Json): readonly RlpItem[] {
  const later = [
    ["baseFeePerGas", number],
    ["withdrawalsRoot", bytes],
    ["blobGasUsed", number],
    ["excessBlobGas", number],
    ["parentBeaconBlockRoot", bytes],
    ["requestsHash", bytes],
    ["blockAccessListHash", bytes],
    ["slotNumber", number],
  ] as const;
  return [
    ...TEXT.map((name) => bytes(header[name])),
    ...NUMBERS.map((name) => number(header[name])),
    ...["extraData", "mixHash", "nonce"].map((name) => bytes(header[name])),
    ...later.flatMap(([name, read]) => (header[name] === undefined ? [] : [read(header[name])])),
  ];
}

function withdrawal(index: number): Json {
  return {
    index: quantity(index),
    validatorIndex: quantity(index + 400),
    address: address(0xf0 + index),
    amount: "0x3b9aca00",
  };
}

function withdrawalItems(one: Json): RlpItem[] {
  return [number(one.index), number(one.validatorIndex), bytes(one.address), number(one.amount)];
}

function blockItem(one: Signed): RlpItem {
  if (one.json.type !== "0x0") return one.encoded;
  const json = one.json;
  const to = json.to === null ? new Uint8Array(0) : bytes(json.to);
  return [
    number(json.nonce),
    number(json.gasPrice),
    number(json.gas),
    to,
    number(json.value),
    bytes(json.input),
    number(json.v),
    number(json.r),
    number(json.s),
  ];
}
