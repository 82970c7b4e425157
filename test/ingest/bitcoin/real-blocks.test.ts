import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { proveAnswer } from "../../../ingest/bitcoin/prove.ts";
import {
  BITCOIN_PROOFS,
  type BitcoinOutcome,
  type BitcoinProof,
  type BlockAnswer,
} from "../../../ingest/bitcoin/prover.ts";
import { reproveBitcoin } from "../../../ingest/bitcoin/reprove.ts";
import { type RealBlock, readRealBlock, realNames } from "../../chain/bitcoin/real.ts";

const FOLDER = "../shared/data/bitcoin";
const here = existsSync(`${FOLDER}/index.csv`);
const named = (name: string): string => `${name}${here ? "" : " (skipped: no ../shared/data/bitcoin)"}`;
const names = here ? realNames(FOLDER).filter(({ name }) => existsSync(`${FOLDER}/raw/${name}.raw.gz`)) : [];

/** The value of an outcome; an empty one where the block was not proven. */
const bytesIn = (outcome: BitcoinOutcome): Buffer =>
  Buffer.from(outcome.kind === "proven" ? outcome.value : []);
const own = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer;
const byRest = (block: Uint8Array, spent: Uint8Array): BlockAnswer => ({
  form: "rest",
  block: own(block),
  spent: own(spent),
});

function proved(real: RealBlock, answer: BlockAnswer, waive: readonly BitcoinProof[] = []) {
  const { header, network } = real;
  return proveAnswer({ answer, expected: header, network, history: undefined, waive });
}

describe("real blocks", () => {
  it.skipIf(!here)(
    named("hold all proofs, and are the same bytes from both sources"),
    { timeout: 240_000 },
    () => {
      let complete = 0;
      for (const name of names) {
        const real = readRealBlock(FOLDER, name);
        if (real.spent === undefined) continue;
        complete += 1;
        const value = new Uint8Array(Buffer.concat([real.bytes, real.spent]));
        const rest = proved(real, byRest(real.bytes, real.spent));
        expect(bytesIn(rest).equals(value), name.name).toBe(true);
        expect(rest, name.name).toMatchObject({ proofs: BITCOIN_PROOFS });
        const body = `[{"result":${real.rpcText()},"error":null,"id":0}]`;
        const rpc = proved(real, { form: "rpc", body: own(Buffer.from(body)) });
        expect(rpc.kind, name.name).toBe("proven");
        expect(rpc.kind === "proven" && Buffer.from(rpc.value).equals(value), name.name).toBe(true);
        expect(reproveBitcoin(value, real.header, BITCOIN_PROOFS, { network: real.network })).toEqual({
          kind: "holds",
        });
      }
      expect(complete).toBe(275);
    },
  );

  it.skipIf(!here)(named("without all prevouts hold what rests on none, and are refused by name"), () => {
    let partial = 0;
    for (const name of names) {
      const real = readRealBlock(FOLDER, name);
      if (real.spent !== undefined) continue;
      partial += 1;
      // One empty list a transaction is what a node would send that knows no prevout.
      expect(proved(real, byRest(real.bytes, Buffer.of(0))), name.name).toMatchObject({
        kind: "refused",
        proof: "spent",
      });
      expect(
        reproveBitcoin(real.bytes, real.header, ["header", "work", "merkle", "witness", "height"], {
          network: real.network,
        }),
      ).toMatchObject({ kind: "refused", proof: "spent" });
    }
    expect(partial).toBe(22);
  });

  it.skipIf(!here)(named("of a pair are not taken for each other, spent outputs neither"), () => {
    const read = (height: number) =>
      readRealBlock(FOLDER, names.find(({ name }) => name.startsWith(`${height}_`))!);
    const [one, other] = [read(757739), read(757753)];
    expect(proved(one, byRest(other.bytes, other.spent!))).toMatchObject({
      kind: "refused",
      proof: "header",
    });
    expect(proved(one, byRest(one.bytes, other.spent!))).toMatchObject({ kind: "refused", proof: "spent" });
    expect(
      proved({ ...one, header: { ...one.header, height: 757740 } }, byRest(one.bytes, one.spent!)),
    ).toEqual({
      kind: "refused",
      proof: "height",
      reason: "the coinbase does not begin with the height 757740",
      waivable: true,
    });
    for (const wrong of [{ parent: other.header.parent }, { time: one.header.time + 1 }]) {
      const header = { ...one.header, ...wrong };
      expect(proved({ ...one, header }, byRest(one.bytes, one.spent!))).toMatchObject({
        kind: "refused",
        proof: "header",
      });
    }
  });
});
