import { SimCluster } from "./cluster.ts";
import { Director, plainTurn } from "./director.ts";
import { SimLake } from "./lake.ts";
import { type Outcome, outcomeOf, type Rewind } from "./oracle.ts";
import { SimPostgres } from "./postgres.ts";
import type { Mishap, SimProcess } from "./process.ts";
import { rewindHeight, rewindIn, runRewind } from "./rewinds.ts";
import { Scheduler } from "./scheduler.ts";
import { CHAIN, runRole, type Stage, TOPICS } from "./stages.ts";
import { judgeStores, type Stores, storesDifference } from "./stores.ts";
import { type Blow, type RewindTurn, ROLES, type Role, type Story, type Strike, type Turn } from "./story.ts";
import { BadEnd, endless, type Household, Supervisor } from "./supervisor.ts";
import { isThrough, type Scene } from "./through.ts";
import { judgeTopics } from "./verdict.ts";

/** How long all may take after the last turn: several freezes of 20 s, each with a takeover. */
const SETTLE_MS = 400_000;
const LOOK_MS = 250;
/** What makes two effects of one kind differ in name: days, and names that chance made. */
const NUMBERS = /[0-9a-f]{8,}|\d[\d-]*/g;

/** Those that a rewind needs stopped. */
const STAGES = ROLES.filter((role) => role !== "feed");

/** One run: the chain, the broker, and all processes with their supervisor. */
export class World implements Household {
  readonly scheduler: Scheduler;
  readonly cluster: SimCluster;
  readonly director: Director;
  readonly stores: Stores;
  /** What happened, for people: a line each. */
  readonly diary: string[] = [];
  /** The points at which a process could have died, each as it came first, and those at which one did: before or after a kind of effect. */
  readonly points = { seen: new Map<string, Strike>(), struck: new Set<string>() };
  readonly #story: Story;
  readonly #stage: Stage;
  readonly #effects = new Map<Blow["role"], number>();
  /** The same when the rewind began. */
  #beforeRewind: ReadonlyMap<Blow["role"], number> | undefined;
  readonly #supervisor: Supervisor;
  /** End the supervision of all that follow the chain, of the lake's sinks among them, and of the feed. */
  #over = endless();
  #lakeOver = endless();
  readonly #feedOver = endless();
  #rewind: Rewind | undefined;
  readonly #failed: Promise<never>;
  fail: (error: Error) => void = () => undefined;
  #calm = false;
  #ending = false;

  constructor(story: Story) {
    this.#story = story;
    this.scheduler = new Scheduler(story.seed);
    this.cluster = new SimCluster(this.scheduler);
    this.#supervisor = new Supervisor(this.scheduler, this);
    this.director = new Director(story, this.scheduler.random);
    const kafka = { cluster: this.cluster, scheduler: this.scheduler };
    this.stores = {
      postgres: new SimPostgres(this.scheduler),
      lake: new SimLake(this.scheduler.random),
    };
    this.#stage = { story, kafka, director: this.director, stores: this.stores, until: undefined };
    this.#failed = new Promise((_, reject) => {
      this.fail = reject;
    });
  }

  get mayHalt(): boolean {
    return this.#story.turns.some(({ rogue }) => rogue);
  }

  /** Plays the story to its end; throws where a process ended badly, nothing goes on, or topics or stores are not what the oracle says. */
  async play(): Promise<void> {
    return this.scheduler.drive(Promise.race([this.#play(), this.#failed]));
  }

  at(process: SimProcess, effect: string): Mishap | undefined {
    const role = process.name.split(".")[0] as Blow["role"];
    const count = (this.#effects.get(role) ?? 0) + 1;
    this.#effects.set(role, count);
    if (this.#ending) return undefined;
    const point = `${role} at ${effect.replace(NUMBERS, "#")}`;
    if (!this.points.seen.has(point)) this.points.seen.set(point, { role, at: count });
    const blow = this.#blowAt(role, count);
    if (blow === undefined) return undefined;
    this.note(`${process.name}: ${blow.kind} at "${effect}"`);
    if (blow.kind === "freeze") return { kind: "freeze", ms: blow.ms };
    if (blow.kind === "stop") this.#supervisor.stop(process);
    if (blow.kind === "stop") return undefined;
    this.points.struck.add(point);
    if (blow.kind === "power cut") return { kind: "power cut" };
    if (blow.kind === "forget") this.cluster.group(`${role}-${CHAIN}`).offset = undefined;
    return { kind: "kill" };
  }

  #blowAt(role: Blow["role"], count: number): Blow | undefined {
    const before = this.#beforeRewind;
    const sinceRewind = before === undefined ? undefined : count - (before.get(role) ?? 0);
    return this.#story.blows.find(
      (blow) => blow.role === role && blow.at === (blow.sinceRewind === true ? sinceRewind : count),
    );
  }

  fault(process: SimProcess, name: string, probability: number): boolean {
    if (this.#calm || !this.scheduler.random.chance(probability * this.#story.trouble)) return false;
    this.note(`${process.name}: ${name}`);
    return true;
  }

  powerCut(): void {
    for (const process of this.#supervisor.running) process.kill();
    this.stores.lake.powerCut();
  }

  async #play(): Promise<void> {
    const { compacts, turns, until, start, rewind } = this.#story;
    if (compacts) this.#compact();
    const before = until === undefined ? 0 : turns.length >> 1;
    if (until !== undefined) await this.#playUntil(start + until, turns.slice(0, before));
    const lives = [this.#startFeeds(), this.#startAll(undefined)];
    for (const [at, turn] of turns.slice(before).entries()) {
      if (this.#isLakeGone(at)) this.#lakeOver.abort();
      await this.#turn(turn);
      if (rewind?.after === at + 1) lives.push((await this.#playRewind(rewind)).lives);
    }
    this.#calm = true;
    await this.#turn(plainTurn(rewind?.grow ?? 1, 2));
    await this.#turn(plainTurn(0, 0));
    const outcome = await this.#settle();
    this.#ending = true;
    for (const over of [this.#over, this.#lakeOver, this.#feedOver]) over.abort();
    await Promise.all(lives);
    this.#judge(outcome);
  }

  /** A first run with `--until`: all processes end by themselves, with everything up to `height` stored and nothing above it. */
  async #playUntil(height: number, turns: readonly Turn[]): Promise<void> {
    const { policy } = this.#story;
    const lives = this.#startAll(height);
    for (const turn of turns) await this.#turn(turn);
    const wanted = height + (policy.kind === "tag" ? 0 : policy.confirmations);
    await this.#turn(plainTurn(Math.max(1, wanted - this.director.head.height), 0));
    const late = this.scheduler.sleep(SETTLE_MS).then(() => {
      throw new BadEnd(
        `told to end at ${height}, ${this.#supervisor.running.map(({ name }) => name)} never did`,
      );
    });
    late.catch(() => undefined);
    await Promise.race([lives.then(() => this.#supervise("feed.0", "feed", height)), late]);
    const { final, released, reorgs } = this.#outcome();
    const told = this.cluster.log(TOPICS.reorgs).history.length;
    this.note(`all processes have ended at ${height}`);
    this.#judge({
      final: final.filter((block) => block.height <= height),
      released: released.filter(({ block }) => block.height <= height),
      reorgs: reorgs.slice(0, told),
      haltsAt: undefined,
    });
  }

  /** All stages are stopped, a rewind is made or tried, and they are started again. Resolves with their lives. */
  async #playRewind(turn: RewindTurn): Promise<{ readonly lives: Promise<void> }> {
    const { waitMs, depth, insists, lakeAway } = turn;
    await this.scheduler.sleep(waitMs);
    for (const over of [this.#over, this.#lakeOver]) over.abort();
    while (STAGES.some((role) => this.cluster.group(`${role}-${CHAIN}`).isAlive))
      await this.scheduler.sleep(LOOK_MS);
    const height = rewindHeight(this.cluster, this.director, depth);
    if (height !== undefined) await this.#putBack(height, insists);
    this.#over = endless();
    this.#lakeOver = endless();
    this.#supervisor.halted = false;
    return { lives: lakeAway === undefined ? this.#startAll(undefined) : this.#startLate(lakeAway.lateMs) };
  }

  /** Whether the lake's sinks end before this turn. */
  #isLakeGone(at: number): boolean {
    const { rewind } = this.#story;
    if (rewind?.lakeAway === undefined || at >= rewind.after) return false;
    return at === Math.max(0, rewind.after - rewind.lakeAway.turns);
  }

  /** As `#startAll`, the lake's sinks later than the others. */
  async #startLate(lateMs: number): Promise<void> {
    const others = STAGES.filter((role) => role !== "parquet");
    const lake = this.scheduler.sleep(lateMs).then(() => this.#startRoles(["parquet"], undefined));
    await Promise.all([this.#startRoles(others, undefined), lake]);
  }

  async #putBack(height: number, insists: boolean): Promise<void> {
    this.note(`the chain is put back to ${height}`);
    this.#beforeRewind = new Map(this.#effects);
    const over = new AbortController();
    let tries = 0;
    await this.#supervisor.supervise(
      "rewind.0",
      async (process, stop) => {
        tries += 1;
        if (tries > 1 && !insists) over.abort();
        else await runRewind(this.#stage, process, stop, height);
      },
      { over: over.signal, once: true },
    );
    this.#rewind = await rewindIn(this.cluster);
    this.note(this.#rewind === undefined ? "nothing was taken back" : "it is put back");
  }

  /** Resolves when no stage is left. */
  async #startAll(until: number | undefined): Promise<void> {
    await this.#startRoles(STAGES, until);
  }

  /** Readers' files are made whatever the stages do. */
  #startFeeds(): Promise<void> {
    return this.#startRoles(["feed"], undefined);
  }

  async #startRoles(roles: readonly Role[], until: number | undefined): Promise<void> {
    const copies = [...Array(this.#story.copies).keys()];
    await Promise.all(
      roles.flatMap((role) => copies.map((copy) => this.#supervise(`${role}.${copy}`, role, until))),
    );
  }

  /** Starts a process again whenever it is gone. */
  #supervise(name: string, role: Role, until: number | undefined): Promise<void> {
    const stage = { ...this.#stage, until };
    const follows = role === "parquet" ? this.#lakeOver : this.#over;
    const { signal } = role === "feed" ? this.#feedOver : follows;
    return this.#supervisor.supervise(name, (process, stop) => runRole(role, stage, process, stop), {
      over: signal,
      once: until !== undefined,
    });
  }

  #outcome(): Outcome {
    const { policy, rewind } = this.#story;
    const reading = { policy, mayRepeat: rewind !== undefined, rewind: this.#rewind };
    return outcomeOf(this.cluster.log(TOPICS.raw).history, this.director, reading);
  }

  get #scene(): Scene {
    const { cluster, director, stores } = this;
    return { story: this.#story, cluster, director, stores, halted: this.#supervisor.halted };
  }

  #judge(outcome: Outcome): void {
    const log = (topic: string) => this.cluster.log(topic).history;
    const topics = {
      final: log(TOPICS.final),
      reorgs: log(TOPICS.reorgs),
      flows: log(TOPICS.flows),
      exchangeFlows: log(TOPICS.exchangeFlows),
    };
    const told = { story: this.#story, chain: this.director.chain };
    judgeTopics(topics, outcome, told);
    judgeStores(this.stores, { outcome, ...told });
  }

  async #turn(turn: Turn): Promise<void> {
    await this.scheduler.sleep(turn.afterMs);
    this.director.play(turn);
    const { height, hash } = this.director.head;
    this.note(`the chain's head is ${height} ${hash.slice(0, 8)}`);
  }

  #compact(): void {
    this.cluster.log(TOPICS.exchangeFlows).compact();
    if (!this.#ending) this.scheduler.after(3_000, () => this.#compact());
  }

  /** Waits until all that must come has come. */
  async #settle(): Promise<Outcome> {
    const deadline = this.scheduler.now + SETTLE_MS;
    let outcome: Outcome | undefined;
    let differs: Error | undefined;
    let seen = -1;
    while (this.scheduler.now < deadline) {
      const raw = this.cluster.log(TOPICS.raw).history;
      if (raw.length !== seen) outcome = this.#outcome();
      seen = raw.length;
      if (outcome !== undefined && isThrough(this.#scene, outcome)) {
        differs = storesDifference(this.stores, { outcome, story: this.#story, chain: this.director.chain });
        if (differs === undefined) return outcome;
      }
      await this.scheduler.sleep(LOOK_MS);
    }
    if (differs !== undefined) throw differs;
    const stands = Object.entries(TOPICS).map(
      ([name, topic]) => `${name} ${this.cluster.log(topic).history.length}`,
    );
    throw new BadEnd(
      `nothing goes on: records of ${stands.join(", ")}; final must have ${outcome?.final.length}`,
    );
  }

  note(line: string): void {
    this.diary.push(`${Math.round(this.scheduler.now)} ms  ${line}`);
  }
}
