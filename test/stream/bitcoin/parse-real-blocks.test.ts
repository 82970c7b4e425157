import { describe, expect, test } from "vitest";
import { txidOf, withWitness } from "../../../stream/bitcoin/block.ts";
import { displayHash } from "../../../stream/bitcoin/bytes.ts";
import { decodeRawBlock, outputsOf, parseBlock } from "../../../stream/bitcoin/parse.ts";
import { HASHES, toHex } from "./hashes.ts";
import { readRealBlock, realBlockNames, realBlocksAreThere, satoshi, spentBytesOf } from "./real.ts";

describe.skipIf(!realBlocksAreThere)("real blocks (need the data set beside the project)", () => {
  test.each(realBlockNames())("block %s: every id, script and value is the node's", (name) => {
    const { bytes, printed, complete } = readRealBlock(name);
    const block = parseBlock(bytes);
    expect(block.end).toBe(bytes.length);
    const { header } = block;
    expect(displayHash(HASHES.sha256(HASHES.sha256(bytes.subarray(0, 80))))).toBe(printed.hash);
    expect(displayHash(header.merkleRoot)).toBe(printed.merkleroot);
    expect(displayHash(header.parent)).toBe(printed.previousblockhash ?? "0".repeat(64));
    expect([header.version, header.time, header.nonce]).toEqual([
      printed.version,
      printed.time,
      printed.nonce,
    ]);
    expect(header.bits).toBe(Number.parseInt(printed.bits, 16));
    expect(block.transactions.map((tx) => txidOf(block, tx, HASHES.sha256))).toEqual(
      printed.tx.map((tx) => tx.txid),
    );
    const wtxid = (tx: (typeof block.transactions)[number]) =>
      displayHash(HASHES.sha256(HASHES.sha256(withWitness(block, tx))));
    expect(block.transactions.map(wtxid)).toEqual(printed.tx.map((tx) => tx.hash));
    const paidBy = (tx: (typeof block.transactions)[number]) =>
      outputsOf(block, tx).map(({ value, scriptAt, scriptEnd }) => [
        BigInt(value),
        toHex(bytes.subarray(scriptAt, scriptEnd)),
      ]);
    expect(block.transactions.map(paidBy)).toEqual(
      printed.tx.map((tx) => tx.vout.map(({ value, scriptPubKey }) => [satoshi(value), scriptPubKey.hex])),
    );
    if (complete) {
      const spent = spentBytesOf(printed);
      const whole = decodeRawBlock(Buffer.concat([bytes, spent]));
      expect(
        whole.spent.map((entry) => outputsOf(whole.block, entry).map(({ value }) => BigInt(value))),
      ).toEqual(
        printed.tx.map((tx) => tx.vin.flatMap(({ prevout }) => (prevout ? [satoshi(prevout.value)] : []))),
      );
    }
  });
});
