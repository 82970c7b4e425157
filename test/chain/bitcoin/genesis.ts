import { hidden, sha256d, uint32 } from "./bytes.ts";
import { type Coinbase, type Pressed, pressBodies, REGTEST_BITS } from "./mint.ts";

/** What a block has that nobody mined for us. */
export interface GivenBlock {
  /** Unix seconds. */
  readonly time: number;
  readonly bits: number;
  readonly body: Pressed;
  readonly coinbase: Coinbase;
  /** The 80 bytes. */
  readonly header: Buffer;
}

/** 2011-02-02T23:16:42Z; version, nonce and root stand beside it in Bitcoin Core's `chainparams.cpp` (`CreateGenesisBlock`). */
const TIME = 1_296_688_602;
const VERSION = 1;
const NONCE = 2;
const NO_PARENT = Buffer.alloc(32);
const ROOT = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b";

/** Main net's own: "The Times 03/Jan/2009 Chancellor on brink of second bailout for banks", 50 BTC to a bare public key. */
const COINBASE = Buffer.from(
  [
    "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff4d",
    "04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f72206f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73",
    "ffffffff0100f2052a0100000043",
    "4104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb649f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac",
    "00000000",
  ].join(""),
  "hex",
);

/** Regtest's real first block. */
export function regtestGenesis(): GivenBlock {
  const txid = sha256d(COINBASE);
  const fields = [uint32(VERSION), NO_PARENT, hidden(ROOT), uint32(TIME), uint32(REGTEST_BITS)];
  return {
    time: TIME,
    bits: REGTEST_BITS,
    body: pressBodies([]),
    coinbase: { bytes: COINBASE, txid, wtxid: txid, hasWitness: false },
    header: Buffer.concat([...fields, uint32(NONCE)]),
  };
}
