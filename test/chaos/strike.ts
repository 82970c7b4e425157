import { setTimeout as sleep } from "node:timers/promises";
import { unreachable } from "../../stream/unreachable.ts";
import type { Server } from "../support/servers.ts";
import type { Copy } from "./copy.ts";
import type { Pairs } from "./pairs.ts";
import type { Fault, Victim } from "./plan.ts";
import { type Watch, waitFor } from "./watch.ts";

/** How a fault went by. Times in milliseconds since the blow. */
export interface Outcome {
  /** Until another copy was given the work; undefined: nobody took it over, and nobody had to. */
  readonly takenOverMs: number | undefined;
  /** Until there was output again; undefined: nothing had to come to a halt. */
  readonly againMs: number | undefined;
  /** What became of a worker that woke up when another one worked: that it works no more, if it stays, is the watch's to see. */
  readonly zombie?: "left" | "stands by";
  /** The groups that hung after a broker came back, so that it had to be started once more. */
  readonly hung?: readonly string[];
  /** What must not be. */
  readonly findings: readonly string[];
}

/** What a strike works on. */
export interface Battlefield {
  readonly pairs: Pairs;
  readonly watch: Watch;
  readonly brokers: readonly Server[];
  readonly database: Server;
}

/** A standby was struck. */
const UNFELT: Outcome = { takenOverMs: undefined, againMs: undefined, findings: [] };

/** Far beyond any recovery on any machine, that of a broker which is started twice meanwhile included. */
const PATIENCE_MS = 180_000;
/**
 * Until a broker that came back and serves nobody is started again, as an operator would. Seen with Kafka 4.4 on a machine with a
 * load of 48: "the state machine of the coordinator is out of sync with the underlying log", and its groups hang until the next start.
 */
const BROKER_PATIENCE_MS = 60_000;
/** A copy that wakes up hears of its replacement with the next answer of the broker. */
const ZOMBIE_MS = 5000;
/** Of two brokers that were killed the second comes back so much later than the first. */
const SECOND_LATER_MS = 8000;
/** What was on its way when two of three brokers went. */
const ON_ITS_WAY_MS = 1000;

/** Strikes, and waits until all went on. */
export function strike(fault: Fault, field: Battlefield): Promise<Outcome> {
  const { victim } = fault;
  switch (victim.kind) {
    case "stage":
      return strikeCopy(fault, victim, field);
    case "broker":
      return strikeBrokers(fault, victim, field);
    case "database":
      return strikeServer(() => field.database.kill(() => sleep(fault.forMs)), field);
    default:
      return unreachable(victim);
  }
}

async function strikeCopy(
  fault: Fault,
  victim: Extract<Victim, { kind: "stage" }>,
  field: Battlefield,
): Promise<Outcome> {
  const copy = field.pairs.pick(victim.stage, victim.role);
  if (copy === undefined) throw new Error(`nobody works for ${victim.stage}`);
  const group = field.pairs.groupOwnedBy(copy);
  const at = performance.now();
  const back = fault.kind === "kill" ? copy.kill(fault.forMs) : freeze(copy, fault.forMs, field.watch);
  if (fault.kind === "kill") field.watch.gone(copy);
  const wokenAt = fault.kind === "freeze" ? at + fault.forMs : Infinity;
  const outcome = group === undefined ? UNFELT : await recovery(field.watch, group, { at, wokenAt });
  await back;
  if (fault.kind === "kill" || outcome.takenOverMs === undefined) return outcome;
  const left = await waitFor(ZOMBIE_MS, () => (field.pairs.hasLeft(copy, at) ? true : undefined));
  return { ...outcome, zombie: left === true ? "left" : "stands by" };
}

/** Freezes the copy, and has the watch know of it: from its waking on it must not work unless its group is given to it. */
async function freeze(copy: Copy, frozenMs: number, watch: Watch): Promise<void> {
  watch.frozen(copy);
  await copy.freeze(frozenMs);
  watch.woken(copy);
}

/** Waits until somebody works for the group again: another copy, or the same one once it woke up. */
async function recovery(
  watch: Watch,
  group: string,
  { at, wokenAt }: { readonly at: number; readonly wokenAt: number },
): Promise<Outcome> {
  const before = watch.ownerOf(group);
  const worker = await waitFor(PATIENCE_MS, () => {
    const owner = watch.ownerOf(group);
    if (owner !== undefined && owner.sinceMs > at) return owner;
    return before !== undefined && watch.outputAt(group) > wokenAt ? { sinceMs: wokenAt } : undefined;
  });
  if (worker === undefined) return lost(`nobody took over ${group}`);
  const again = await waitFor(PATIENCE_MS, () => later(watch.outputAt(group), worker.sinceMs));
  if (again === undefined) return lost(`${group} was taken over and wrote nothing`);
  const takenOverMs = "copy" in worker ? worker.sinceMs - at : undefined;
  return { takenOverMs, againMs: again - at, findings: [] };
}

async function strikeBrokers(
  fault: Fault,
  { nodes }: Extract<Victim, { kind: "broker" }>,
  field: Battlefield,
): Promise<Outcome> {
  const [first, second] = nodes.map((node) => field.brokers[node]);
  if (first === undefined) throw new RangeError(`no broker ${nodes.join()}`);
  const blow = () =>
    fault.kind === "kill" ? first.kill(() => sleep(fault.forMs)) : first.freeze(fault.forMs);
  if (second === undefined) return strikeServer(blow, field, () => first.kill(async () => {}));
  const at = performance.now();
  const halted = sleep(fault.forMs).then(() => wroteMeanwhile(field, at + ON_ITS_WAY_MS));
  const secondBack = second.kill(() => sleep(fault.forMs + SECOND_LATER_MS));
  const outcome = await strikeServer(blow, field);
  const findings = (await halted).map((group) => `${group} wrote while two of three brokers were down`);
  await secondBack;
  return { ...outcome, findings: [...outcome.findings, ...findings] };
}

/** The groups whose output, which is a topic, grew after `since`. */
function wroteMeanwhile({ pairs, watch }: Battlefield, since: number): readonly string[] {
  const isStore = (group: string) => group.startsWith("postgres") || group.startsWith("parquet");
  return pairs.groups.filter((group) => !isStore(group) && watch.outputAt(group) > since);
}

/** Strikes a server that all depend on, and waits for output of all once it is back. `remedy`: what is tried when there is none. */
async function strikeServer(
  blow: () => Promise<void>,
  { pairs, watch }: Battlefield,
  remedy?: () => Promise<void>,
): Promise<Outcome> {
  const at = performance.now();
  await blow();
  const first = await outputsAfter(performance.now(), { pairs, watch }, remedy && BROKER_PATIENCE_MS);
  const isSilent = first.silent.length > 0;
  if (isSilent) await remedy?.();
  const { silent, lastMs } =
    isSilent && remedy !== undefined ? await outputsAfter(performance.now(), { pairs, watch }) : first;
  if (silent.length > 0) return lost(`no output any more: ${silent.join(", ")}`);
  return { takenOverMs: undefined, againMs: lastMs - at, hung: first.silent, findings: [] };
}

/** When the last of all groups had output after `since`, and which had none. */
async function outputsAfter(
  since: number,
  { pairs, watch }: Pick<Battlefield, "pairs" | "watch">,
  patienceMs = PATIENCE_MS,
): Promise<{ readonly silent: readonly string[]; readonly lastMs: number }> {
  const outputs = await Promise.all(
    pairs.groups.map(async (group) => ({
      group,
      again: await waitFor(patienceMs, () => later(watch.outputAt(group), since)),
    })),
  );
  const silent = outputs.filter(({ again }) => again === undefined).map(({ group }) => group);
  return { silent, lastMs: Math.max(...outputs.map(({ again = 0 }) => again)) };
}

function later(time: number, than: number): number | undefined {
  return time > than ? time : undefined;
}

function lost(finding: string): Outcome {
  return { takenOverMs: undefined, againMs: undefined, findings: [finding] };
}
