import type { Brand } from "../stream/block.ts";

/** A UTC day, `YYYY-MM-DD`: text order is time order. */
export type Day = Brand<string, "Day">;

const DAY_S = 86_400;

/** The UTC day of a time in Unix seconds. */
export function dayOf(time: number): Day {
  return new Date(time * 1000).toISOString().slice(0, 10) as Day;
}

/** When a day begins, Unix seconds. */
export function dayStart(day: Day): number {
  return Date.parse(`${day}T00:00:00Z`) / 1000;
}

/** When a day ends: the beginning of the next one, Unix seconds. */
export function dayEnd(day: Day): number {
  return dayStart(day) + DAY_S;
}

/** Reads `YYYY-MM-DD`; undefined when the calendar has no such day. */
export function parseDay(text: string): Day | undefined {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (Number.isNaN(time)) return undefined;
  return dayOf(time / 1000) === text ? (text as Day) : undefined;
}
