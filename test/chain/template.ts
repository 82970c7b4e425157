import type { Labels } from "./content.ts";

/** JSON text with holes where a block's place stands: thousands of blocks are stamped from a few bodies. */
export interface Template {
  readonly bytes: Buffer;
  readonly holes: Readonly<Record<keyof Labels, readonly number[]>>;
}

/** Labels of the same lengths as `labels` that occur nowhere in a block's JSON. */
export function placeholders(labels: Labels): Labels {
  return {
    hash: `0x${"h".repeat(labels.hash.length - 2)}`,
    number: `0x${"n".repeat(labels.number.length - 2)}`,
    time: `0x${"t".repeat(labels.time.length - 2)}`,
  };
}

/** A template from JSON that was printed with `placeholders` for labels. */
export function templateOf(json: string, holes: Labels): Template {
  const bytes = Buffer.from(json);
  return {
    bytes,
    holes: {
      hash: placesOf(bytes, holes.hash),
      number: placesOf(bytes, holes.number),
      time: placesOf(bytes, holes.time),
    },
  };
}

/** The JSON with `labels` in all places. */
export function stamp(template: Template, labels: Labels): Buffer {
  return stampBetween({ before: "", after: "" }, template, labels);
}

/** The same between two texts, in one piece of memory. */
export function stampBetween(
  around: { readonly before: string; readonly after: string },
  template: Template,
  labels: Labels,
): Buffer {
  const start = around.before.length;
  const bytes = Buffer.allocUnsafe(start + template.bytes.length + around.after.length);
  bytes.write(around.before, 0, "latin1");
  bytes.set(template.bytes, start);
  bytes.write(around.after, start + template.bytes.length, "latin1");
  for (const name of ["hash", "number", "time"] as const) {
    const text = Buffer.from(labels[name]);
    for (const at of template.holes[name]) bytes.set(text, start + at);
  }
  return bytes;
}

function placesOf(bytes: Buffer, text: string): readonly number[] {
  const places: number[] = [];
  const wanted = Buffer.from(`"${text}"`);
  for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) places.push(at + 1);
  return places;
}
