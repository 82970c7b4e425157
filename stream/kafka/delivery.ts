import type { RdKafka } from "@confluentinc/kafka-javascript";
import type { OutgoingRecord } from "./broker.ts";

/** What may be on its way at once: the native queue throws beyond its own, far higher limits. */
const MAX_IN_FLIGHT_BYTES = 64 * 1024 * 1024;
const MAX_IN_FLIGHT_RECORDS = 10_000;

/** What a record costs beside its value, roughly: an empty one is not free. */
const RECORD_BYTES = 100;

/** The sending of one transaction's records, with a report awaited for each. */
export class Delivery {
  readonly #producer: RdKafka.Producer;
  #records = 0;
  #bytes = 0;
  #failure: Error | undefined;
  #stopped = false;
  #wake: () => void = () => {};

  constructor(producer: RdKafka.Producer) {
    this.#producer = producer;
  }

  /** Resolves when all records are acknowledged; throws the first failure after the last report, or at once when `stop` aborts. */
  async deliver(records: readonly OutgoingRecord[], stop: AbortSignal): Promise<void> {
    const stopped = () => {
      this.#failure ??= new Error("stopped");
      this.#stopped = true;
      this.#wake();
    };
    stop.addEventListener("abort", stopped);
    if (stop.aborted) stopped();
    const listener = (error: RdKafka.LibrdKafkaError | null, report: RdKafka.DeliveryReport) =>
      this.#reported(error, report);
    this.#producer.on("delivery-report", listener);
    try {
      for (const record of records) {
        await this.#until(() => this.#bytes < MAX_IN_FLIGHT_BYTES && this.#records < MAX_IN_FLIGHT_RECORDS);
        if (!this.#produce(record)) break;
      }
      await this.#until(() => this.#records === 0);
    } finally {
      this.#producer.off("delivery-report", listener);
      stop.removeEventListener("abort", stopped);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** False when there is no use in going on: the transaction has failed. */
  #produce({ topic, key, value, headers }: OutgoingRecord): boolean {
    if (this.#failure !== undefined) return false;
    const bytes = RECORD_BYTES + (value?.byteLength ?? 0);
    try {
      this.#producer.produce(
        topic,
        0,
        toBuffer(value),
        key,
        null,
        { delivery: this, bytes },
        toHeaders(headers),
      );
    } catch (error) {
      this.#failure = error as Error;
      return false;
    }
    this.#records += 1;
    this.#bytes += bytes;
    return true;
  }

  #reported(error: RdKafka.LibrdKafkaError | null, { opaque }: RdKafka.DeliveryReport): void {
    const { delivery, bytes } = opaque as { readonly delivery: Delivery; readonly bytes: number };
    if (delivery !== this) return;
    this.#records -= 1;
    this.#bytes -= bytes;
    if (error !== null && error !== undefined) this.#failure ??= error as Error & RdKafka.LibrdKafkaError;
    this.#wake();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#stopped) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

function toBuffer(value: Uint8Array | null): Buffer | null {
  return value === null ? null : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function toHeaders(headers: OutgoingRecord["headers"]): RdKafka.MessageHeader[] {
  return Object.entries(headers ?? {}).map(([name, value]) => ({ [name]: value }));
}
