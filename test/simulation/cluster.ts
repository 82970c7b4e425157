import type { OutgoingRecord } from "../../stream/kafka/broker.ts";
import { SimGroup } from "./group.ts";
import { SimLog, type Transaction } from "./log.ts";
import type { Scheduler } from "./scheduler.ts";

/** How long the markers of a transaction may take, each by itself: one topic shows it before the other. */
const LONGEST_MARKER_MS = 30;

/** The broker's own end of a transaction that nobody ends: as the product asks for (stream/kafka/writer.ts). */
const TRANSACTION_TIMEOUT_MS = 10_000;

/** Kafka in virtual time, with what makes its transactions hard: markers with offsets of their own that come late, epochs, time-outs. */
export class SimCluster {
  readonly #scheduler: Scheduler;
  readonly #logs = new Map<string, SimLog>();
  readonly #groups = new Map<string, SimGroup>();
  readonly #epochs = new Map<string, number>();
  /** The last transaction of each id that has not ended. */
  readonly #current = new Map<string, Transaction>();
  readonly #pendingOffsets = new Map<string, number>();

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  log(topic: string): SimLog {
    return entry(this.#logs, topic, () => new SimLog());
  }

  group(name: string): SimGroup {
    return entry(this.#groups, name, () => new SimGroup());
  }

  /** `initTransactions`: the next epoch, after what an earlier owner left is over. */
  async fence(id: string): Promise<number> {
    const epoch = (this.#epochs.get(id) ?? 0) + 1;
    this.#epochs.set(id, epoch);
    await this.#over(id);
    return epoch;
  }

  isCurrent(id: string, epoch: number): boolean {
    return this.#epochs.get(id) === epoch;
  }

  async begin(id: string, epoch: number): Promise<Transaction> {
    await this.#over(id, epoch);
    const transaction: Transaction = {
      id,
      epoch,
      state: "open",
      unmarked: new Set(),
      carried: undefined,
      startedAt: this.#scheduler.now,
    };
    if (!this.isCurrent(id, epoch)) return transaction;
    this.#current.set(id, transaction);
    this.#scheduler.after(TRANSACTION_TIMEOUT_MS, () => {
      if (transaction.state !== "open") return;
      // The broker raises the epoch, so that the owner hears of it.
      if (this.isCurrent(id, epoch)) this.#epochs.set(id, epoch + 1);
      this.#end(transaction, "aborted");
    });
    return transaction;
  }

  /** False when the transaction is over already, or a newer owner has come: then nothing is written. */
  append(transaction: Transaction, record: OutgoingRecord): boolean {
    if (transaction.state !== "open" || !this.isCurrent(transaction.id, transaction.epoch)) return false;
    this.log(record.topic).append(record, transaction);
    return true;
  }

  /** `sendOffsetsToTransaction`: from now on the group's offset is in doubt. */
  carry(transaction: Transaction, carried: NonNullable<Transaction["carried"]>): void {
    if (transaction.state !== "open") return;
    transaction.carried = carried;
    this.#doubt(carried.group, 1);
  }

  /** `commitTransaction`: decided at once, visible in each topic when its marker comes. False: it was too late. */
  commit(transaction: Transaction): boolean {
    if (transaction.state !== "open" || !this.isCurrent(transaction.id, transaction.epoch)) return false;
    this.#end(transaction, "committed");
    return true;
  }

  abort(transaction: Transaction): void {
    if (transaction.state === "open") this.#end(transaction, "aborted");
  }

  /** The committed offset of a group, once no transaction with one of it is in doubt. */
  async committed(group: string): Promise<number | undefined> {
    while ((this.#pendingOffsets.get(group) ?? 0) > 0) await this.#scheduler.sleep(1);
    return this.group(group).offset;
  }

  /** Waits until what was written to `topic` so far is decided. */
  async settled(topic: string): Promise<void> {
    const { end } = this.log(topic);
    while (this.log(topic).stable < end) await this.#scheduler.sleep(2);
  }

  async #over(id: string, epoch = Number.POSITIVE_INFINITY): Promise<void> {
    for (;;) {
      const left = this.#current.get(id);
      if (left === undefined || left.state === "ended") return;
      if (left.state === "open" && left.epoch < epoch) this.#end(left, "aborted");
      await this.#scheduler.sleep(1);
    }
  }

  #end(transaction: Transaction, fate: "committed" | "aborted"): void {
    transaction.state = fate === "committed" ? "committing" : "aborting";
    const waits = [...transaction.unmarked].map((topic) => {
      const done = () => this.log(topic).mark(transaction, fate);
      return this.#later(done);
    });
    const { carried } = transaction;
    if (carried !== undefined) {
      const decided = () => {
        if (fate === "committed") this.group(carried.group).offset = carried.offset;
        this.#doubt(carried.group, -1);
      };
      waits.push(this.#later(decided));
    }
    Promise.all(waits).then(
      () => {
        transaction.state = "ended";
      },
      () => undefined,
    );
  }

  #doubt(group: string, change: 1 | -1): void {
    this.#pendingOffsets.set(group, (this.#pendingOffsets.get(group) ?? 0) + change);
  }

  #later(run: () => void): Promise<void> {
    return this.#scheduler.sleep(this.#scheduler.random.next() ** 3 * LONGEST_MARKER_MS).then(run);
  }
}

function entry<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}
