import { transactionType } from "./encode-transaction.ts";
import {
  arrayOf,
  data,
  type Field,
  FieldInvalid,
  isAbsent,
  type JsonObject,
  objectOf,
  putFields,
  putItems,
  quantity,
} from "./fields.ts";
import { closeList, openTape, putByte, type Tape, written } from "./tape.ts";

/** No opcode logs more (LOG4). */
const MAX_TOPICS = 4;

const topic = data("", 32);

const topics: Field = {
  name: "topics",
  put: (tape, value, name) => {
    const list = arrayOf(value, name);
    if (list.length > MAX_TOPICS) throw new FieldInvalid(name, `are ${list.length}, more than ${MAX_TOPICS}`);
    putItems(tape, name, list, (onto, one) => topic.put(onto, one, ""));
  },
};

const LOG = [data("address", 20), topics, data("data")];

const logs: Field = {
  name: "logs",
  put: (tape, value, name) => putItems(tape, name, arrayOf(value, name), putLog),
};

const BODY = [quantity("cumulativeGasUsed", 8), data("logsBloom", 256), logs];
const status = quantity("status", 1);
const root = data("root", 32);

/** Writes a receipt as the receipts trie holds it: a list, or its type byte and a list. Throws `FieldInvalid`. */
function putReceipt(tape: Tape, receipt: JsonObject): void {
  const type = transactionType(receipt["type"]);
  const mark = tape.used;
  putFields(tape, receipt, BODY);
  putOutcome(tape, receipt);
  closeList(tape, mark);
  if (type > 0) putByte(tape, type);
}

/** The consensus receipts from the JSON of `eth_getBlockReceipts`, each as the receipts trie holds it. Throws `FieldInvalid`. */
export function encodeReceipts(receipts: readonly unknown[], capacity = 1 << 16): readonly Uint8Array[] {
  const tape = openTape(capacity);
  const encoded: Uint8Array[] = [];
  putItems(tape, "receipts", receipts, (onto, one) => {
    const mark = onto.used;
    putReceipt(onto, objectOf(one, ""));
    encoded.push(written(onto, mark));
  });
  return encoded.reverse();
}

/** A status since Byzantium (EIP-658), before it the state root after the transaction. */
function putOutcome(tape: Tape, receipt: JsonObject): void {
  const code = receipt["status"];
  if (isAbsent(code)) {
    if (isAbsent(receipt["root"])) throw new FieldInvalid("status", "is missing, and so is root");
    root.put(tape, receipt["root"], "root");
    return;
  }
  if (code !== "0x0" && code !== "0x1")
    throw new FieldInvalid("status", `is ${String(code)}, not 0x0 or 0x1`);
  status.put(tape, code, "status");
}

function putLog(tape: Tape, value: unknown): void {
  const mark = tape.used;
  putFields(tape, objectOf(value, ""), LOG);
  closeList(tape, mark);
}
