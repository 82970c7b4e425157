import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { Logger } from "pino";
import type { ChainName } from "../stream/block.ts";
import {
  type AssetRow,
  type Fault,
  type LabelBook,
  type LabelRow,
  openBook,
  parseAssets,
  parseLabels,
  type SeedText,
} from "../stream/flow/labels.ts";
import type { AddressForm } from "../stream/flow/rule.ts";
import { chainKind } from "./chains.ts";
import type { Config } from "./config.ts";

/** Labels and assets of all configured chains, at one version. */
export interface Catalog {
  /** First 16 hex digits of the SHA-256 over all label and asset files, in the config's order. */
  readonly version: string;
  readonly labels: readonly LabelRow[];
  readonly assets: readonly AssetRow[];
  readonly books: ReadonlyMap<ChainName, LabelBook>;
}

/** Label or asset files have rows that can't be used; `faults` names all of them. */
export class CatalogInvalid extends Error {
  override readonly name = "CatalogInvalid";
  readonly faults: readonly Fault[];
  constructor(faults: readonly Fault[]) {
    const lines = faults.map((fault) => `  ${fault.file}:${fault.line}: ${fault.reason}`);
    super(`${faults.length} unusable rows in label and asset files:\n${lines.join("\n")}`);
    this.faults = faults;
  }
}

/** Reads and validates all label and asset files. Throws `CatalogInvalid` with every fault at once. */
export function readCatalog(config: Config): Catalog {
  const faults: Fault[] = [];
  const labelTexts = readFiles(config.labels, faults);
  const assetTexts = readFiles(config.assets, faults);
  const forms = new Map<ChainName, AddressForm>(
    [...config.chains].map(([name, chain]) => [name, chainKind(chain).addressForm]),
  );
  const labels = parseLabels(labelTexts, forms);
  const assets = parseAssets(assetTexts, forms);
  faults.push(...labels.faults, ...assets.faults);
  if (faults.length > 0) throw new CatalogInvalid(faults);
  const version = versionOf([...labelTexts, ...assetTexts].map((source) => source.text));
  const books = [...config.chains.keys()].map(
    (chain) => [chain, openBook({ chain, version, labels: labels.rows, assets: assets.rows })] as const,
  );
  return { version, labels: labels.rows, assets: assets.rows, books: new Map(books) };
}

/**
 * The catalog as its files stand now: read again when one of them changed.
 * A changed file that can't be used is refused by an `error` in the log, and the version before it stays until it is mended.
 */
export function watchCatalog(config: Config, log: Logger): () => Catalog {
  let catalog = readCatalog(config);
  let seen = stamp(config);
  return () => {
    const now = stamp(config);
    if (now === seen) return catalog;
    seen = now;
    try {
      catalog = readCatalog(config);
      log.info({ version: catalog.version }, "labels changed");
    } catch (error) {
      log.error(
        { reason: (error as Error).message, version: catalog.version },
        "changed label files refused; mend them",
      );
    }
    return catalog;
  };
}

function stamp(config: Config): string {
  return [...config.labels, ...config.assets]
    .map((file) => {
      const found = statSync(file, { throwIfNoEntry: false });
      return found === undefined ? "missing" : `${found.ino}:${found.size}:${found.mtimeMs}`;
    })
    .join();
}

/** The files that can be read; the others are faults. */
function readFiles(files: readonly string[], faults: Fault[]): readonly SeedText[] {
  return files.flatMap((file) => {
    const read = readFile(file);
    if (read.kind === "text") return [{ file, text: read.text }];
    faults.push({ file, line: 0, reason: read.reason });
    return [];
  });
}

function readFile(
  file: string,
): { readonly kind: "text"; readonly text: string } | { readonly kind: "bad"; readonly reason: string } {
  try {
    const bytes = readFileSync(file);
    if (isUtf8(bytes)) return { kind: "text", text: bytes.toString("utf8") };
    return { kind: "bad", reason: "is not UTF-8; save it in that encoding" };
  } catch (cause) {
    return { kind: "bad", reason: `cannot be read (${(cause as NodeJS.ErrnoException).code})` };
  }
}

function versionOf(texts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${Buffer.byteLength(text)}\n`).update(text);
  return hash.digest("hex").slice(0, 16);
}
