import type { Address } from "../block.ts";
import { standsAt, uint32At } from "../bytes.ts";
import type { LabelBook } from "../flow/labels.ts";
import { scriptOf } from "./address.ts";
import type { BitcoinHashes } from "./block.ts";
import { UNLABELLED } from "./matrix.ts";
import type { BitcoinNetwork } from "./network.ts";
import { canonicalScript, type ScriptSpan, templateOf } from "./script.ts";

/** A canonical script, and the label's address that stands for it. */
interface LabelledScript {
  readonly script: Uint8Array;
  readonly address: Address;
}

/** The scripts of a book's addresses by their marks, which tell nearly all of them apart. */
type LabelledScripts = ReadonlyMap<number, readonly LabelledScript[]>;

/** Who owns the scripts of a block. */
export interface Holders {
  /** The exchange that holds the script that stands there, or `UNLABELLED`. */
  entityAt(bytes: Uint8Array, span: ScriptSpan): string;
  /** The address of a canonical script, if some label has it: it need not be made again. */
  addressOf(script: Uint8Array): Address | undefined;
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
        const address = labelledAt(labelled, bytes, span, hashes);
        return (address === undefined ? null : book.exchangeAt(address, time)) ?? UNLABELLED;
      },
      addressOf: (script) => addressIn(labelled, script, wholeOf(script)),
    };
  };
}

/** The label's address of any script, if it has one. */
function labelledAt(
  labelled: LabelledScripts,
  bytes: Uint8Array,
  span: ScriptSpan,
  hashes: BitcoinHashes,
): Address | undefined {
  const template = templateOf(bytes, span);
  if (template === undefined) return undefined;
  if (template !== "pubkey") return addressIn(labelled, bytes, span);
  const script = canonicalScript(bytes.subarray(span.scriptAt, span.scriptEnd), hashes);
  return script === undefined ? undefined : addressIn(labelled, script, wholeOf(script));
}

/** The label's address of a canonical script, if it has one. No closure: every script of every block comes by here. */
function addressIn(labelled: LabelledScripts, bytes: Uint8Array, span: ScriptSpan): Address | undefined {
  const alike = labelled.get(markOf(bytes, span));
  if (alike === undefined) return undefined;
  for (const { script, address } of alike) if (isSpan(bytes, span, script)) return address;
  return undefined;
}

function labelledScripts(
  book: LabelBook,
  network: BitcoinNetwork,
  { sha256 }: BitcoinHashes,
): LabelledScripts {
  const labelled = new Map<number, LabelledScript[]>();
  for (const address of book.addresses()) {
    const script = scriptOf(address, network, sha256);
    if (script === undefined) continue;
    const mark = markOf(script, wholeOf(script));
    const alike = labelled.get(mark);
    if (alike === undefined) labelled.set(mark, [{ script, address }]);
    else alike.push({ script, address });
  }
  return labelled;
}

function wholeOf(script: Uint8Array): ScriptSpan {
  return { scriptAt: 0, scriptEnd: script.length };
}

/** Four bytes that stand inside the hash of every script with one, as a signed integer: small to the engine. */
function markOf(bytes: Uint8Array, { scriptAt, scriptEnd }: ScriptSpan): number {
  return scriptEnd - scriptAt < 8 ? 0 : uint32At(bytes, scriptEnd - 8) | 0;
}

function isSpan(bytes: Uint8Array, { scriptAt, scriptEnd }: ScriptSpan, script: Uint8Array): boolean {
  return scriptEnd - scriptAt === script.length && standsAt(bytes, scriptAt, script);
}
