import fc from "fast-check";
import type { Json } from "./synthetic.ts";

/** How a value in a node's answer is altered. */
export type Alteration =
  | { readonly kind: "digit"; readonly at: number; readonly by: number }
  | { readonly kind: "drop" | "null" | "double" | "swap" | "longer" | "shorter" | "empty" | "number" };

/** An altered answer, and what was done in words. */
export interface Altered {
  readonly value: Json;
  readonly told: string;
}

/** Any alteration at any place. */
export const alterations = fc.record({
  place: fc.nat(),
  how: fc.oneof(
    fc.record({ kind: fc.constant("digit" as const), at: fc.nat(), by: fc.integer({ min: 1, max: 15 }) }),
    fc.record({
      kind: fc.constantFrom("drop", "null", "double", "swap", "longer", "shorter", "empty", "number"),
    }),
  ),
});

/** Alters one place of `value`, counted over every field and item at every depth; undefined where that does not change it. */
export function alter(value: Json, place: number, how: Alteration): Altered | undefined {
  const copy = structuredClone(value);
  const places = placesOf(copy, []);
  const chosen = places[place % places.length];
  if (chosen === undefined) return undefined;
  change(chosen.parent, chosen.key, how);
  if (JSON.stringify(copy) === JSON.stringify(value)) return undefined;
  return { value: copy, told: `${how.kind} ${chosen.path.join(".")}` };
}

interface Place {
  readonly parent: Json;
  readonly key: string;
  readonly path: readonly string[];
}

function placesOf(value: Json, path: readonly string[]): Place[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.keys(value).flatMap((key) => [
    { parent: value, key, path: [...path, key] },
    ...placesOf(value[key], [...path, key]),
  ]);
}

function change(parent: Json, key: string, how: Alteration): void {
  if (how.kind === "drop" || how.kind === "double" || how.kind === "swap") {
    rearrange(parent, key, how.kind);
    return;
  }
  parent[key] = altered(parent[key], how);
}

function rearrange(parent: Json, key: string, kind: "drop" | "double" | "swap"): void {
  if (!Array.isArray(parent)) {
    if (kind === "drop") delete parent[key];
    return;
  }
  const at = Number(key);
  if (kind === "drop") parent.splice(at, 1);
  else if (kind === "double") parent.splice(at, 0, parent[at]);
  else parent.splice(at, 2, ...parent.slice(at, at + 2).reverse());
}

function altered(value: Json, how: Alteration): Json {
  if (how.kind === "null") return null;
  if (how.kind === "number") return 7;
  if (how.kind === "empty") return Array.isArray(value) ? [] : "0x";
  if (typeof value !== "string") return value;
  if (how.kind === "longer") return `${value}00`;
  if (how.kind === "shorter") return value.slice(0, -2);
  return how.kind === "digit" ? otherDigit(value, how.at, how.by) : value;
}

function otherDigit(text: string, at: number, by: number): string {
  if (text.length < 3) return text;
  const index = 2 + (at % (text.length - 2));
  const digit = (Number.parseInt(text[index] ?? "0", 16) + by) % 16;
  return text.slice(0, index) + digit.toString(16) + text.slice(index + 1);
}
