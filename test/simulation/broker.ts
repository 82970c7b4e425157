import type {
  Broker,
  Claim,
  KafkaRecord,
  OutgoingRecord,
  Reader,
  TopicBounds,
  Writer,
} from "../../stream/kafka/broker.ts";
import { BrokerUnreachable, Fenced, OffsetOutOfRange } from "../../stream/kafka/errors.ts";
import type { SimCluster } from "./cluster.ts";
import type { Member } from "./group.ts";
import { never, type SimProcess } from "./process.ts";
import type { Scheduler } from "./scheduler.ts";

/** How long a read of a quiet topic waits. The real one waits 100 ms; this one hears of news at once, so it may rest longer. */
const IDLE_MS = 400;
/** As `SESSION_MS` of stream/kafka/claim.ts: after so long without a sign of life a member is expelled. */
const SESSION_MS = 6_000;
/** How long a member that was expelled may work on before it hears of it. */
const LONGEST_NEWS_MS = 1_500;
/** How often a transaction fails by what may pass, and how often the answer of a commit does not come. */
const ABORTED = 0.06;
const UNANSWERED = 0.03;
/** How many records one read brings at most: a few, so that batches end anywhere. */
const MOST_RECORDS = 12;

/** A stage made its writer before its group gave it the right to work: it would fence the copy that works. */
class UnclaimedWriter extends Error {
  override readonly name = "UnclaimedWriter";
  constructor(id: string) {
    super(`${id} was fenced by a copy whose turn has not come`);
  }
}

/** What the connections of all processes share. */
export interface SimKafka {
  readonly cluster: SimCluster;
  readonly scheduler: Scheduler;
}

/** One process's connection to the cluster. */
export function connect({ cluster, scheduler }: SimKafka, process: SimProcess): Broker {
  return {
    ensureTopics: () => process.effect("topics"),
    claim: (where, signal) => claim({ cluster, scheduler }, process, where, signal),
    openWriter: async (id) => {
      if (![...process.granted].some((group) => id.startsWith(group))) throw new UnclaimedWriter(id);
      await process.effect(`fence ${id}`);
      const epoch = await cluster.fence(id);
      await process.effect(`fenced ${id}`);
      return writer(cluster, process, { id, epoch });
    },
    openReader: async (topic, offset) => new SimReader({ cluster, scheduler }, process, topic, offset),
    bounds: (topic) => bounds(cluster, process, topic),
    close: async () => undefined,
  };
}

async function bounds(cluster: SimCluster, process: SimProcess, topic: string): Promise<TopicBounds> {
  await process.effect(`bounds ${topic}`);
  await cluster.settled(topic);
  const { low, stable } = cluster.log(topic);
  await process.effect(`bounds ${topic} known`);
  return { low, high: stable };
}

class SimClaim implements Claim {
  readonly group: string;
  readonly topic: string;
  readonly #lost = new AbortController();
  readonly #cluster: SimCluster;
  readonly #process: SimProcess;
  readonly #member: Member;

  constructor(
    { cluster, scheduler }: SimKafka,
    process: SimProcess,
    where: { readonly group: string; readonly topic: string },
    assigned: () => void,
  ) {
    this.group = where.group;
    this.topic = where.topic;
    this.#cluster = cluster;
    this.#process = process;
    const revoked = () => {
      const news = () => {
        if (process.dead) return;
        if (process.frozenUntil > scheduler.now) scheduler.after(process.frozenUntil - scheduler.now, news);
        else this.#lost.abort();
      };
      scheduler.after(scheduler.random.next() * LONGEST_NEWS_MS, news);
    };
    this.#member = { process, assigned, revoked };
    cluster.group(this.group).join(this.#member);
    watch({ cluster, scheduler }, this.group, this.#member);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether the cluster would take an offset from this member. */
  get valid(): boolean {
    return this.#cluster.group(this.group).owns(this.#member);
  }

  async committed(): Promise<number | undefined> {
    await this.#process.effect(`committed ${this.group}`);
    const offset = await this.#cluster.committed(this.group);
    await this.#process.effect(`committed ${this.group} known`);
    return offset;
  }

  /** As soon as it has left, its turn is over. */
  async close(): Promise<void> {
    await this.#process.effect(`leave ${this.group}`);
    this.#cluster.group(this.group).leave(this.#member);
    this.#lost.abort();
  }
}

/** Expels a member that gives no sign of life for a session: one that is dead or frozen. */
function watch({ cluster, scheduler }: SimKafka, group: string, member: Member): void {
  const { process } = member;
  let silentSince: number | undefined;
  const look = () => {
    if (!cluster.group(group).has(member)) return;
    const silent = process.dead || process.frozenUntil > scheduler.now;
    silentSince = silent ? (silentSince ?? scheduler.now) : undefined;
    if (silentSince !== undefined && scheduler.now - silentSince >= SESSION_MS)
      cluster.group(group).leave(member);
    else scheduler.after(SESSION_MS / 4, look);
  };
  scheduler.after(SESSION_MS / 4, look);
}

async function claim(
  kafka: SimKafka,
  process: SimProcess,
  where: { readonly group: string; readonly topic: string },
  signal: AbortSignal,
): Promise<Claim> {
  await process.effect(`join ${where.group}`);
  signal.throwIfAborted();
  let made: SimClaim | undefined;
  const turn = new Promise<void>((resolve, reject) => {
    made = new SimClaim(kafka, process, where, resolve);
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
  const own = made as unknown as SimClaim;
  try {
    await turn;
  } catch (error) {
    await own.close();
    throw error;
  }
  process.granted.add(where.group);
  await process.effect(`claimed ${where.group}`);
  return own;
}

function writer(
  cluster: SimCluster,
  process: SimProcess,
  owner: { readonly id: string; readonly epoch: number },
): Writer {
  const { id, epoch } = owner;
  const attempt = async (
    records: readonly OutgoingRecord[],
    hold: { readonly claim: Claim; readonly offset: number } | undefined,
  ): Promise<boolean> => {
    await process.effect(`begin ${id}`);
    const transaction = await cluster.begin(id, epoch);
    for (const [index, record] of records.entries()) {
      if (index === records.length >> 1) await process.effect(`produce ${id}`);
      if (!cluster.append(transaction, record)) throw new Fenced(id);
    }
    await process.effect(`produced ${id}`);
    if (!cluster.isCurrent(id, epoch) || (hold !== undefined && !isValid(hold.claim))) {
      cluster.abort(transaction);
      throw new Fenced(id);
    }
    if (process.fault("a transaction is aborted", ABORTED)) {
      cluster.abort(transaction);
      return false;
    }
    if (hold !== undefined) {
      cluster.carry(transaction, { group: hold.claim.group, offset: hold.offset });
      await process.effect(`offset ${id}`);
    }
    if (!cluster.commit(transaction)) throw new Fenced(id);
    if (process.fault("the answer to a commit is lost", UNANSWERED)) throw new BrokerUnreachable("kafka");
    await process.effect(`commit ${id}`);
    return true;
  };
  return {
    commit: async (records, hold) => {
      while (!(await attempt(records, hold))) await process.effect(`retry ${id}`);
    },
    close: () => process.effect(`close ${id}`),
  };
}

function isValid(claim: Claim): boolean {
  return claim instanceof SimClaim && claim.valid;
}

class SimReader implements Reader {
  readonly #kafka: SimKafka;
  readonly #process: SimProcess;
  readonly #topic: string;
  #position: number;

  constructor(kafka: SimKafka, process: SimProcess, topic: string, offset: number) {
    this.#kafka = kafka;
    this.#process = process;
    this.#topic = topic;
    this.#position = offset;
  }

  async read(limits: { readonly maxRecords?: number } = {}): Promise<readonly KafkaRecord[]> {
    const { cluster, scheduler } = this.#kafka;
    const log = cluster.log(this.#topic);
    if (this.#position < log.low || this.#position > log.end)
      throw new OffsetOutOfRange(this.#topic, this.#position);
    if (log.stable <= this.#position) await this.#news();
    const most = Math.min(limits.maxRecords ?? MOST_RECORDS, scheduler.random.whole(1, MOST_RECORDS));
    const { records, next } = log.read(this.#position, most);
    this.#position = next;
    if (records.length > 0) await this.#process.effect(`read ${this.#topic}`);
    return records;
  }

  position(): number {
    return this.#position;
  }

  async seek(offset: number): Promise<void> {
    this.#position = offset;
  }

  async close(): Promise<void> {}

  /** Waits for a marker, for as long as a read waits. */
  async #news(): Promise<void> {
    const { cluster, scheduler } = this.#kafka;
    await new Promise<void>((resolve) => {
      cluster.log(this.#topic).onMark(() => scheduler.after(scheduler.random.next() * 5, resolve));
      scheduler.after(IDLE_MS, resolve);
    });
    if (this.#process.dead) await never();
    await this.#process.clock.sleep(0);
  }
}
