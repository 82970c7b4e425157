import type { Address } from "../block.ts";
import type { LabelBook } from "../flow/labels.ts";
import { scriptOf } from "./address.ts";
import type { BitcoinHashes } from "./block.ts";
import { uint32At } from "./bytes.ts";
import { UNLABELLED } from "./matrix.ts";
import type { BitcoinNetwork } from "./network.ts";
import { canonicalScript, type ScriptSpan, templateOf } from "./script.ts";

/** A canonical script as text, a letter a byte. */
type ScriptKey = string;

/** The scripts of a book's addresses. */
interface LabelledScripts {
  readonly addresses: ReadonlyMap<ScriptKey, Address>;
  /** Of each script, bytes that tell it from nearly all others: where they are missing, no key is made. */
  readonly marks: ReadonlySet<number>;
}

/** Who owns the scripts of a block. */
export interface Holders {
  /** The exchange that holds the script that stands there, or `UNLABELLED`. */
  entityAt(bytes: Uint8Array, span: ScriptSpan): string;
}

/** Opens a book's holders at a block's time (Unix seconds). */
export type HoldersAt = (book: LabelBook, time: number) => Holders;

/**
 * Finds scripts in a book of addresses. Most scripts have no label, so it's the few labelled addresses that become scripts,
 * once a book, and not every script an address.
 */
export function openHolders(network: BitcoinNetwork, hashes: BitcoinHashes): HoldersAt {
  const known = new WeakMap<LabelBook, LabelledScripts>();
  return (book, time) => {
    const labelled = known.get(book) ?? labelledScripts(book, network, hashes);
    known.set(book, labelled);
    return {
      entityAt: (bytes, span) => {
        const address = labelledAt(labelled, { bytes, span, hashes });
        return (address === undefined ? null : book.exchangeAt(address, time)) ?? UNLABELLED;
      },
    };
  };
}

/** The label's address of a script, if it has one. */
function labelledAt(
  { addresses, marks }: LabelledScripts,
  {
    bytes,
    span,
    hashes,
  }: { readonly bytes: Uint8Array; readonly span: ScriptSpan; readonly hashes: BitcoinHashes },
): Address | undefined {
  const template = templateOf(bytes, span);
  if (template === undefined) return undefined;
  if (template !== "pubkey") {
    return marks.has(markOf(bytes, span)) ? addresses.get(textOf(bytes, span)) : undefined;
  }
  const script = canonicalScript(bytes.subarray(span.scriptAt, span.scriptEnd), hashes);
  return script && addresses.get(textOf(script, wholeOf(script)));
}

function labelledScripts(
  book: LabelBook,
  network: BitcoinNetwork,
  { sha256 }: BitcoinHashes,
): LabelledScripts {
  const addresses = new Map<ScriptKey, Address>();
  const marks = new Set<number>();
  for (const address of book.addresses()) {
    const script = scriptOf(address, network, sha256);
    if (script === undefined) continue;
    addresses.set(textOf(script, wholeOf(script)), address);
    marks.add(markOf(script, wholeOf(script)));
  }
  return { addresses, marks };
}

function wholeOf(script: Uint8Array): ScriptSpan {
  return { scriptAt: 0, scriptEnd: script.length };
}

/** Four bytes that stand inside the hash of every script with one, as a signed integer: small to the engine. */
function markOf(bytes: Uint8Array, { scriptAt, scriptEnd }: ScriptSpan): number {
  return scriptEnd - scriptAt < 8 ? 0 : uint32At(bytes, scriptEnd - 8) | 0;
}

function textOf(bytes: Uint8Array, { scriptAt, scriptEnd }: ScriptSpan): ScriptKey {
  return String.fromCharCode(...bytes.subarray(scriptAt, scriptEnd));
}
