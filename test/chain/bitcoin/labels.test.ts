import { expect, test } from "vitest";
import { BITCOIN_HASHES, sha256 } from "../../../ingest/bitcoin/hashes.ts";
import { addressOf, bitcoinAddress } from "../../../stream/bitcoin/address.ts";
import { canonicalScript } from "../../../stream/bitcoin/script.ts";
import { parseLabels } from "../../../stream/flow/labels.ts";
import { loadBodies } from "./bodies.ts";
import { forRegtest, regtestLabels } from "./labels.ts";

test("main-net's addresses as regtest prints them; other chains' rows stay", () => {
  const rows = [
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "3P14159f73E4gFr7JterCCQh9QjiTjiZrG",
    "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
  ].map((address) => forRegtest(`bitcoin,${address},x,,,,y, z`).split(","));
  expect(rows.map(([, address]) => address)).toEqual([
    "mpXwg4jMtRhuSpVq4xS3HFHmCmWp9NyGKt",
    "2NEZG4p5giVjQt3Uez2Gip9PxMkwtF1Wdi9",
    "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080",
  ]);
  expect(rows[0]?.slice(2)).toEqual(["x", "", "", "", "y", " z"]);
  expect(forRegtest("ethereum,0x00,x,,,,y")).toBe("ethereum,0x00,x,,,,y");
  expect(() => forRegtest("bitcoin,0x00,x,,,,y")).toThrow("0x00 is no address of main-net");
});

test("every row of the label files is one of regtest's, and each invented exchange's addresses are spent from in the bodies", () => {
  const text = regtestLabels();
  const forms = new Map([["bitcoin", bitcoinAddress("regtest", sha256)]]) as never;
  const { rows, faults } = parseLabels([{ file: "labels", text }], forms);
  expect(faults).toEqual([]);
  const spent = new Set(
    loadBodies(() => true).flatMap((body) => body.transactions.flatMap((tx) => tx.spent.map(addressed))),
  );
  const invented = rows.filter(({ exchange }) => exchange.startsWith("demo-"));
  expect(invented.length).toBe(13);
  expect(invented.filter(({ address }) => !spent.has(address))).toEqual([]);
});

function addressed({ script }: { readonly script: Uint8Array }): string | undefined {
  const canonical = canonicalScript(script, BITCOIN_HASHES);
  return canonical && addressOf(canonical, "regtest", sha256);
}
