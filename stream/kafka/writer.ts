import { RdKafka } from "@confluentinc/kafka-javascript";
import type { Claim, OutgoingRecord, Writer } from "./broker.ts";
import { GroupClaim } from "./claim.ts";
import { Delivery } from "./delivery.ts";
import { BrokerUnreachable, Fenced } from "./errors.ts";
import { CODE, codeOf, connection, type Edge } from "./rd.ts";
import { CALL_MS, type Done, OUTAGE_MS, Session } from "./session.ts";
import { LARGEST_RECORD_BYTES } from "./settings.ts";

/** A successor waits out a dead owner's transaction only where it can't fence it; a live one takes milliseconds. */
const TRANSACTION_TIMEOUT_MS = 10_000;

/** A batch for the compressor: zstd packs several blocks better than one. */
const BATCH_BYTES = 4 * 1024 * 1024;

/** Beside zstd's default of 3: two fifths less processor time for the gate, and blocks of different bodies grow by 2 % at most. */
const COMPRESSION_LEVEL = 1;

/**
 * The cluster ended a transaction otherwise than it was told to last: a commit that seemed to have failed had succeeded.
 * Nothing is lost: a start looks for what stands. Ends a stage with exit code 1, which a supervisor starts again.
 */
export class CommitInDoubt extends Error {
  override readonly name = "CommitInDoubt";
  readonly transactionalId: string;
  constructor(transactionalId: string, options?: ErrorOptions) {
    super(`the outcome of a transaction of ${transactionalId} is in doubt; start the stage again`, options);
    this.transactionalId = transactionalId;
  }
}

/** What one commit writes: records, and the input's offset that stands for them. */
interface Batch {
  readonly records: readonly OutgoingRecord[];
  readonly hold: { readonly claim: Claim; readonly offset: number } | undefined;
}

/** Opens the writer of a transactional id and fences every earlier one. Throws `BrokerUnreachable`. */
export async function openWriter(edge: Edge, transactionalId: string): Promise<Writer> {
  const session = await Session.open(edge, () => makeProducer(edge, transactionalId));
  const { client } = session;
  try {
    // Without it no delivery report ever comes.
    client.setPollInBackground(true);
    await session.insist<void>((done) => client.initTransactions(CALL_MS, ended(done)));
  } catch (error) {
    await session.close();
    throw error;
  }
  return new TransactionalWriter(session, transactionalId);
}

function makeProducer(edge: Edge, transactionalId: string): RdKafka.Producer {
  return new RdKafka.Producer({
    ...connection(edge),
    "transactional.id": transactionalId,
    "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
    "compression.codec": "zstd",
    "compression.level": COMPRESSION_LEVEL,
    "message.max.bytes": LARGEST_RECORD_BYTES,
    "linger.ms": 0,
    "batch.size": BATCH_BYTES,
    "batch.num.messages": 100_000,
    dr_cb: true,
  });
}

class TransactionalWriter implements Writer {
  readonly #session: Session<RdKafka.Producer>;
  readonly #id: string;

  constructor(session: Session<RdKafka.Producer>, id: string) {
    this.#session = session;
    this.#id = id;
  }

  commit(records: readonly OutgoingRecord[], hold?: Batch["hold"]): Promise<void> {
    return this.#session.keepFor(() => this.#commit({ records, hold }));
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  async #commit(batch: Batch): Promise<void> {
    const deadline = performance.now() + OUTAGE_MS;
    for (;;) {
      try {
        await this.#attempt(batch);
        return;
      } catch (error) {
        if (isFencing(error) || batch.hold?.claim.lost.aborted === true)
          throw new Fenced(this.#id, { cause: error });
        // The cluster aborts by itself what is left open: after `TRANSACTION_TIMEOUT_MS`, or at the next writer's start.
        if (error instanceof BrokerUnreachable) throw error;
        await this.#abort();
        if (!isWorthRepeating(error)) throw error;
        if (performance.now() >= deadline)
          throw new BrokerUnreachable(this.#session.edge.brokers, { cause: error });
      }
    }
  }

  async #attempt({ records, hold }: Batch): Promise<void> {
    const { client, ending } = this.#session;
    await this.#session.call<void>((done) => client.beginTransaction(ended(done)));
    // A commit while reports are outstanding would poll for them in steps of 10 ms.
    await new Delivery(client).deliver(records, ending);
    if (hold !== undefined) await this.#sendOffset(hold);
    await this.#session.insist<void>((done) => client.commitTransaction(CALL_MS, ended(done)));
  }

  async #sendOffset({ claim, offset }: { readonly claim: Claim; readonly offset: number }): Promise<void> {
    if (!(claim instanceof GroupClaim))
      throw new TypeError("a claim of another broker can't be committed here");
    const offsets = [{ topic: claim.topic, partition: 0, offset }];
    const { client } = this.#session;
    await this.#session.retry(() =>
      claim.lend((member) =>
        this.#session.callWithin<void>((done) =>
          client.sendOffsetsToTransaction(offsets, member, CALL_MS, ended(done)),
        ),
      ),
    );
  }

  async #abort(): Promise<void> {
    const { client } = this.#session;
    try {
      await this.#session.retry(() =>
        this.#session.finish<void>((done) => client.abortTransaction(CALL_MS, ended(done))),
      );
    } catch (error) {
      if (codeOf(error) === CODE.invalidTransactionState) throw new CommitInDoubt(this.#id, { cause: error });
      throw isFencing(error) ? new Fenced(this.#id, { cause: error }) : error;
    }
  }
}

/** The native client ends calls without a value; their callbacks get an error or nothing. */
function ended(done: Done<void>) {
  return (error: RdKafka.LibrdKafkaError) => done(error, undefined);
}

/** What the calls of a fenced producer end with; a fatal error leaves nothing else to do either. */
const FENCING: ReadonlySet<number> = new Set([
  CODE.fenced,
  CODE.fatal,
  CODE.invalidProducerEpoch,
  CODE.purgedQueue,
  CODE.unknownMember,
]);

function isFencing(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && FENCING.has(code);
}

/** A rebalance in the middle (a standby came or went), or a cluster that was away for a while. */
const REPEATABLE: ReadonlySet<number> = new Set([
  CODE.illegalGeneration,
  CODE.rebalanceInProgress,
  CODE.messageTimedOut,
  CODE.timedOut,
  CODE.transport,
  CODE.notLeader,
  CODE.notEnoughReplicas,
  CODE.notEnoughReplicasAfterAppend,
]);

function isWorthRepeating(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && REPEATABLE.has(code);
}
