import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "../../../ingest/bitcoin/hashes.ts";
import { addressOf, scriptOf } from "../../../stream/bitcoin/address.ts";
import { projectFolder } from "./bodies.ts";

/** Label files for a simulated chain: the seeds, and exchanges that there are not, whose addresses stand in the bodies. */
const FILES = ["sql/seeds/exchange_addresses.csv", "test/chain/bitcoin/exchanges.csv"];

/** The text of one label file for regtest: its scripts are main-net's, but it prints their addresses in its own way. */
export function regtestLabels(): string {
  const [first = [], ...others] = FILES.map((file) => linesOf(join(projectFolder(), file)));
  return `${[...first, ...others.flatMap((lines) => lines.slice(1))].map(forRegtest).join("\n")}\n`;
}

/** A row of a label file as it is; Bitcoin's with its main-net address written for regtest. Throws `RangeError` where it is none. */
export function forRegtest(row: string): string {
  const [chain, address = "", ...rest] = row.split(",");
  if (chain !== "bitcoin") return row;
  const script = scriptOf(address, "mainnet", sha256);
  const there = script && addressOf(script, "regtest", sha256);
  if (there === undefined) throw new RangeError(`${address} is no address of main-net`);
  return [chain, there, ...rest].join(",");
}

function linesOf(path: string): readonly string[] {
  return readFileSync(path, "utf8").trim().split("\n");
}
