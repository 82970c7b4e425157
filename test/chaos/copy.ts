import { type ChildProcess, spawn } from "node:child_process";
import type { WriteStream } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import type { StageReport } from "../../runtime/child.ts";

const MAIN = resolve("dist/runtime/main.js");

/** What of a copy's last words is kept. */
const LAST_LINES = 12;
/** `sluice` is gone within 10 s of SIGTERM. */
const STOP_PATIENCE_MS = 12_000;
/** As a supervisor would, so that a fault that stays does not spin. */
const AGAIN_AFTER_MS = 500;

/** How a copy came to its end: by its own exit code, or by a signal. */
export interface CopyEnd {
  readonly code: number | null;
  readonly lastWords: string;
}

/** What a copy is heard of. */
export interface CopyEars {
  /** The copy waits in a consumer group, or was given its partition. */
  group(copy: Copy, group: string, news: "asked" | "given"): void;
  report(copy: Copy, report: StageReport): void;
  /** It ended without our doing. Whether it is to be started again. */
  ended(copy: Copy, end: CopyEnd): boolean;
}

/** What every copy is started with. */
export interface CopyEdge {
  readonly environment: Readonly<Record<string, string>>;
  readonly log: WriteStream;
  readonly ears: CopyEars;
}

/** One of a stage's copies: a process that is started again whenever it ended. */
export class Copy {
  readonly stage: string;
  readonly number: number;
  readonly #edge: CopyEdge;
  readonly #lastLines: string[] = [];
  #child: ChildProcess;
  #ended: Promise<void>;
  #stopping = false;
  /** Ends are our doing while this is set. */
  #struck = false;
  #frozen = false;

  constructor(stage: string, number: number, edge: CopyEdge) {
    this.stage = stage;
    this.number = number;
    this.#edge = edge;
    [this.#child, this.#ended] = this.#start();
  }

  get isFrozen(): boolean {
    return this.#frozen;
  }

  /** `kill -9`; after `downMs` it is started again. */
  async kill(downMs: number): Promise<void> {
    this.#struck = true;
    this.#child.kill("SIGKILL");
    await this.#ended;
    await sleep(downMs);
    this.#struck = false;
    this.#again();
  }

  /** Stops it in whatever it does, and wakes it up. */
  async freeze(frozenMs: number): Promise<void> {
    this.#frozen = true;
    this.#child.kill("SIGSTOP");
    await sleep(frozenMs);
    this.#frozen = false;
    this.#child.kill("SIGCONT");
  }

  /** SIGTERM; resolves with its exit code, or with the signal that ended it. */
  async stop(): Promise<number | NodeJS.Signals | null> {
    this.#stopping = true;
    const child = this.#child;
    child.kill("SIGTERM");
    const late = setTimeout(() => child.kill("SIGKILL"), STOP_PATIENCE_MS);
    await this.#ended;
    clearTimeout(late);
    return child.exitCode ?? child.signalCode;
  }

  #again(): void {
    if (!this.#stopping) [this.#child, this.#ended] = this.#start();
  }

  #start(): [ChildProcess, Promise<void>] {
    const child = spawn(process.execPath, [MAIN, ...this.stage.split(" ")], {
      // Supervised: it reports over the channel, and ends with us however we end.
      env: { ...process.env, ...this.#edge.environment, LOG_LEVEL: "debug", SLUICE_SUPERVISED: "1" },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      // A Ctrl-C in our terminal is ours alone.
      detached: true,
    });
    child.on("message", (message) => this.#edge.ears.report(this, message as StageReport));
    if (child.stderr !== null)
      createInterface({ input: child.stderr }).on("line", (line) => this.#hear(line));
    const ended = new Promise<void>((settle) => {
      child.once("close", (code) => {
        settle();
        if (!this.#struck && !this.#stopping) void this.#died(code);
      });
    });
    return [child, ended];
  }

  #hear(line: string): void {
    this.#edge.log.write(`${this.stage} ${this.number} ${line}\n`);
    this.#lastLines.push(line);
    if (this.#lastLines.length > LAST_LINES) this.#lastLines.shift();
    const [, group, news] = /"group":"([^"]+)","msg":"claim (asked|given)/.exec(line) ?? [];
    if (group !== undefined) this.#edge.ears.group(this, group, news as "asked" | "given");
  }

  async #died(code: number | null): Promise<void> {
    const isWelcome = this.#edge.ears.ended(this, { code, lastWords: this.#lastLines.join("\n") });
    await sleep(AGAIN_AFTER_MS);
    // Somebody may have struck it, and started it again, meanwhile.
    if (isWelcome && !this.#struck && this.#child.exitCode !== null) this.#again();
  }
}
