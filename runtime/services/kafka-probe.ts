import { connect, type Socket } from "node:net";
import type { KafkaLogin } from "./kafka-properties.ts";

const PROBE_TIMEOUT_MS = 2000;
/** Kafka protocol: keys of requests, and their oldest versions that do what is wanted (Metadata 1 can ask for no topic at all). */
const METADATA = { key: 3, version: 1 };
const SASL_HANDSHAKE = { key: 17, version: 1 };
const SASL_AUTHENTICATE = { key: 36, version: 0 };
/** Bytes of an answer before its body: its own length and the correlation id. */
const BODY_AT = 8;

/** Asks a broker once for the cluster's brokers; rejects while it does not answer, or knows of none that is ready. */
export async function probeKafka(port: number, login?: KafkaLogin): Promise<void> {
  const line = await open(port);
  try {
    if (login !== undefined) await logIn(line, login);
    const answer = await line.ask(request(METADATA, int32(0)));
    if (answer.readInt32BE(BODY_AT) < 1) throw new Error("no broker has joined the cluster yet");
  } finally {
    line.close();
  }
}

async function logIn(line: Line, { username, password }: KafkaLogin): Promise<void> {
  const token = Buffer.from(`\0${username}\0${password}`);
  const greeted = await line.ask(request(SASL_HANDSHAKE, Buffer.concat([int16(5), Buffer.from("PLAIN")])));
  if (greeted.readInt16BE(BODY_AT) !== 0) throw new Error("the broker knows no PLAIN log-in");
  const known = await line.ask(request(SASL_AUTHENTICATE, Buffer.concat([int32(token.length), token])));
  if (known.readInt16BE(BODY_AT) !== 0) throw new Error("the broker refuses the log-in");
}

/** Length, key, version, correlation id 1, no client id, body. */
function request({ key, version }: { readonly key: number; readonly version: number }, body: Buffer): Buffer {
  const head = Buffer.concat([int16(key), int16(version), int32(1), int16(-1)]);
  return Buffer.concat([int32(head.length + body.length), head, body]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** A connection that asks one thing at a time. */
interface Line {
  ask(question: Buffer): Promise<Buffer>;
  close(): void;
}

function open(port: number): Promise<Line> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", timeout: PROBE_TIMEOUT_MS });
    socket.once("error", reject);
    socket.once("timeout", () => socket.destroy(new Error("no answer")));
    socket.once("connect", () => {
      resolve({ ask: (question) => exchange(socket, question), close: () => socket.destroy() });
    });
  });
}

function exchange(socket: Socket, question: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let answer = Buffer.alloc(0);
    const hear = (part: Buffer) => {
      answer = Buffer.concat([answer, part]);
      if (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) return;
      socket.off("data", hear);
      resolve(answer);
    };
    socket.on("data", hear);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed without an answer")));
    socket.write(question);
  });
}
