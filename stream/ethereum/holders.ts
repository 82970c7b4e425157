import { uint32At } from "../bytes.ts";
import type { LabelBook } from "../flow/labels.ts";
import { ADDRESS_BYTES, addressBytes } from "./bytes.ts";
import type { Holder } from "./parties.ts";

/** Who holds the addresses of a block. */
export interface Holders {
  readonly exchangeOf: Holder;
  /** Whether the 20 bytes at `at` may be an address with a label; most are told apart without making a text of them. */
  readonly isMarked: (bytes: Uint8Array, at: number) => boolean;
}

/** Opens a book's holders at a block's time (Unix seconds). */
export type HoldersAt = (book: LabelBook, time: number) => Holders;

/** Finds holders; a book's marks are made once. */
export function openHolders(): HoldersAt {
  const known = new WeakMap<LabelBook, ReadonlySet<number>>();
  return (book, time) => {
    const marks = known.get(book) ?? marksOf(book);
    known.set(book, marks);
    return {
      exchangeOf: (address) => book.exchangeAt(address, time),
      isMarked: (bytes, at) => marks.has(markAt(bytes, at)),
    };
  };
}

function marksOf(book: LabelBook): ReadonlySet<number> {
  return new Set(Array.from(book.addresses(), (address) => markAt(addressBytes(address), 0)));
}

/** The last four bytes of an address, as a signed integer: small to the engine. The first are often zeros that somebody searched for. */
function markAt(bytes: Uint8Array, at: number): number {
  return uint32At(bytes, at + ADDRESS_BYTES - 4) | 0;
}
