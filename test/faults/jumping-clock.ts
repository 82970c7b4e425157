import { appendFileSync } from "node:fs";

/**
 * Loaded before a process's own code (`--import`): from then on its wall clock jumps by days and hours, forth and back, every third
 * of a second, as if somebody set the machine's time. The monotonic clock goes on. Who did so is noted in the file `CLOCK_NOTES`.
 */
const HOUR_MS = 3_600_000;
const SHIFTS_MS = [0, 50, -50, 1, -1, 9000, -9000].map((hours) => hours * HOUR_MS);
const EVERY_MS = 333;

const trueNow = Date.now;

function shiftedNow(): number {
  const turn = Math.floor(performance.now() / EVERY_MS) % SHIFTS_MS.length;
  return trueNow() + (SHIFTS_MS[turn] ?? 0);
}

const TrueDate = Date;
globalThis.Date = new Proxy(TrueDate, {
  construct: (target, args) => Reflect.construct(target, args.length === 0 ? [shiftedNow()] : args) as Date,
  apply: () => new TrueDate(shiftedNow()).toString(),
  get: (target, name) => (name === "now" ? shiftedNow : Reflect.get(target, name)),
});

const notes = process.env["CLOCK_NOTES"];
if (notes !== undefined) appendFileSync(notes, `${process.argv.slice(2).join(" ")}\n`);
