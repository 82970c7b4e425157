import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressOf, bitcoinAddress, scriptOf } from "../../../stream/bitcoin/address.ts";
import { BITCOIN_NETWORKS, type BitcoinNetwork } from "../../../stream/bitcoin/network.ts";
import { canonicalScript } from "../../../stream/bitcoin/script.ts";
import { fromHex, HASHES, toHex } from "./hashes.ts";
import { type PrintedOutput, readRealBlock, realBlockNames, realBlocksAreThere } from "./real.ts";

const { sha256 } = HASHES;

/** The address of any script, as flows see it. */
function printed(script: Uint8Array, network: BitcoinNetwork): string | undefined {
  const canonical = canonicalScript(script, HASHES);
  return canonical && addressOf(canonical, network, sha256);
}

const scriptHex = (text: string, network: BitcoinNetwork) => {
  const script = scriptOf(text, network, sha256);
  return script && toHex(script);
};

/** Addresses and their scripts: Bitcoin Core's `key_io_valid.json`, BIP 173 and BIP 350; and pay-to-anchor. */
const KNOWN: readonly (readonly [BitcoinNetwork, string, string])[] = [
  ["mainnet", "1FsSia9rv4NeEwvJ2GvXrX7LyxYspbN2mo", "76a914a31c06bd463e3923bc1aadbde48b16976c08071788ac"],
  ["mainnet", "36j4NfKv6Akva9amjWrLG6MuSQym1GuEmm", "a914373b819a068f32b7a6b38b6b38729647cfde01c287"],
  ["testnet4", "mzK2FFDEhxqHcmrJw1ysqFkVyhUULo45hZ", "76a914ce28b26c57472737f5c3561a1761185bd8589a4388ac"],
  ["testnet3", "2NC2hEhe28ULKAJkW5MjZ3jtTMJdvXmByvK", "a914ce0bba75891ff9ec60148d4bd4a09ee2dc5c933187"],
  ["signet", "mww4LvqtTMKvmeQvizPz2EQv26xTneWrbg", "76a914b4110ba93ac54afc14da3bdd19614774a2d55d2988ac"],
  ["regtest", "2MxFajLApXpYk4VodBSZSt7rw8y4ryABkfA", "a91436e9f191e0b75036a77f65e2eaa4752443233fbe87"],
  ["mainnet", "bc1qvyq0cc6rahyvsazfdje0twl7ez82ndmuac2lhv", "00146100fc6343edc8c874496cb2f5bbfec88ea9b77c"],
  [
    "mainnet",
    "bc1qyucykdlhp62tezs0hagqury402qwhk589q80tqs5myh3rxq34nwqhkdhv7",
    "002027304b37f70e94bc8a0fbf500e0c957a80ebda87280ef58214d92f119811acdc",
  ],
  [
    "mainnet",
    "bc1p83n3au0rjylefxq2nc2xh2y4jzz4pm6zxj4mw5pagdjjr2a9f36s6jjnnu",
    "51203c671ef1e3913f94980a9e146ba895908550ef4234abb7503d436521aba54c75",
  ],
  ["mainnet", "bc1z2rksukkjr8", "520250ed"],
  ["mainnet", "bc1pfeessrawgf", "51024e73"],
  ["regtest", "bcrt1pfeesnyr2tx", "51024e73"],
  ["testnet4", "tb1rgv5m6uvdk3kc7qsuz0c79v88ycr5w4wa", "53104329bd718db46d8f021c13f1e2b0e726"],
  [
    "signet",
    "tb1pae5um27ahn8n73pgexe3kcwlp8dhswpn684h2k2w6t9a7w3eq65qephd5y",
    "5120ee69cdabddbccf3f4428c9b31b61df09db783833d1eb75594ed2cbdf3a3906a8",
  ],
  ["regtest", "bcrt1qdavt4j2sd7dlhqsavtnfxvzppw6k7qy97tmnu9", "00146f58bac9506f9bfb821d62e69330410bb56f0085"],
  [
    "regtest",
    "bcrt1sx6p8njlx7h9mc2agz4yg82dzne23050ncq72cneeecez2pst8mahn8xecsf8g6hzx94420",
    "6028368279cbe6f5cbbc2ba8154883a9a29e5517d1f3c03cac4f39ce3225060b3efb799cd9c412746ae2",
  ],
  ["mainnet", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "0014751e76e8199196d454941c45d1b3a323f1433bd6"],
  [
    "testnet3",
    "tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7",
    "00201863143c14c5166804bd19203356da136c985678cd4d27a1b8c6329604903262",
  ],
  [
    "mainnet",
    "bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y",
    "5128751e76e8199196d454941c45d1b3a323f1433bd6751e76e8199196d454941c45d1b3a323f1433bd6",
  ],
  ["mainnet", "bc1sw50qgdz25j", "6002751e"],
  ["mainnet", "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", "5210751e76e8199196d454941c45d1b3a323"],
  [
    "testnet3",
    "tb1qqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesrxh6hy",
    "0020000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433",
  ],
  [
    "testnet3",
    "tb1pqqqqp399et2xygdj5xreqhjjvcmzhxw4aywxecjdzew6hylgvsesf3hn0c",
    "5120000000c4a5cad46221b2a187905e5266362b99d5e91c6ce24d165dab93e86433",
  ],
  [
    "mainnet",
    "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
    "512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
  ],
];

/** Refused on every network: BIP 173, BIP 350, and Bitcoin Core's `key_io_invalid.json`. */
const REFUSED = [
  "",
  "x",
  "tc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq5zuyut",
  "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
  "tb1z0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqglt7rf",
  "BC1S0XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ54WELL",
  "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kemeawh",
  "tb1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq24jc47",
  "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4",
  "BC130XLXVLHEMJA6C4DQV22UAPCTQUPFHLXM9H8Z3K2E72Q4K9HCZ7VQ7ZWS8R",
  "bc1pw5dgrnzv",
  "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v8n0nx0muaewav253zgeav",
  "BC1QR508D6QEJXTDG4Y5R3ZARVARYV98GJ9P",
  "tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq47Zagq",
  "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7v07qwwzcrf",
  "tb1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vpggkg4j",
  "bc1gmk9yu",
  "bcrt1r2qxpwuge",
  "tb1qum6uh0pt4q253qaf520929737v63w5gf",
  "bcrt1q888ryfgxpvl0k7vum8zpyar2u2sexvdhkf38ue37yknmqq0ycrwpl3w48y",
  "bcrt1qzwmyj0z924g7fzs5yvnrkc43y76RVyr2lh5t4r",
  "bc1qpu6d26mrulzetu4jqhd7rsunv9aqru26f5c4j8",
  "2UVPFpGYnLHJezFzjUo42our6PMEoozzRdM",
  "2jDPrDfAKihCGPbPD9ztY8TswAia4V8Bc6vx",
  "KzNbAQ4mexfAxa6RKBzHQqfoTycaeWpv2p",
  "5JuW2AMDYu4xVwRG9DZW18VbzQrGcd5RCgb99sS6ehJsNQXu5b9",
  "1GAdfviErV2Ew95FPtZyikz2qGP3gyCB6Hyu94sedAkPpA523m3fQwps9YKUZkKgQckGPKhRsFR",
  "1FsSia9rv4NeEwvJ2GvXrX7LyxYspbN2mp",
  "1FsSia9rv4NeEwvJ2GvXrX7LyxYspbN2mo1",
  "11FsSia9rv4NeEwvJ2GvXrX7LyxYspbN2mo",
  "1FsSia9rv4NeEwvJ2GvXrX7LyxYspbN2m0",
  "1FsSia9rv4NeEwvJ 2GvXrX7LyxYspbN2mo",
  " bc1qvyq0cc6rahyvsazfdje0twl7ez82ndmuac2lhv",
  "\u212aC1QVYQ0CC6RAHYVSAZFDJE0TWL7EZ82NDMUAC2LHV",
  "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7\u212aV8F3T4",
];

describe("addresses that Bitcoin Core and the BIPs know", () => {
  test.each(KNOWN)("%s: %s", (network, address, hex) => {
    expect(scriptHex(address, network)).toBe(hex);
    expect(printed(fromHex(hex), network)).toBe(address);
    expect(bitcoinAddress(network, sha256)(address)).toBe(address);
  });

  test("Bech32 is taken in upper case too, and printed in lower case; Base58 is not", () => {
    for (const [network, address] of KNOWN) {
      const form = bitcoinAddress(network, sha256);
      const segwit = /^(?:bc|tb|bcrt)1/.test(address);
      expect(form(address.toUpperCase())).toBe(segwit ? address : undefined);
      const mixed = address.slice(0, 4).toUpperCase() + address.slice(4);
      expect(form(mixed)).toBe(mixed === address ? address : undefined);
    }
  });

  test("another network's addresses are refused, where their prefixes differ", () => {
    const accepting = (address: string) =>
      BITCOIN_NETWORKS.filter((network) => scriptHex(address, network) !== undefined);
    const testNets = ["testnet3", "testnet4", "signet"];
    expect(accepting("1FsSia9rv4NeEwvJ2GvXrX7LyxYspbN2mo")).toEqual(["mainnet"]);
    expect(accepting("bc1z2rksukkjr8")).toEqual(["mainnet"]);
    expect(accepting("mzK2FFDEhxqHcmrJw1ysqFkVyhUULo45hZ")).toEqual([...testNets, "regtest"]);
    expect(accepting("tb1rgv5m6uvdk3kc7qsuz0c79v88ycr5w4wa")).toEqual(testNets);
    expect(accepting("bcrt1qdavt4j2sd7dlhqsavtnfxvzppw6k7qy97tmnu9")).toEqual(["regtest"]);
  });

  test("spaces around Base58 are passed over, as Bitcoin Core does", () => {
    const form = bitcoinAddress("mainnet", sha256);
    expect(form(" \t1FsSia9rv4NeEwvJ2GvXrX7LyxYspbN2mo \n")).toBe("1FsSia9rv4NeEwvJ2GvXrX7LyxYspbN2mo");
    expect(form("\u00a01FsSia9rv4NeEwvJ2GvXrX7LyxYspbN2mo")).toBeUndefined();
  });
});

test.each(REFUSED)("%j is no address of any network", (text) => {
  for (const network of BITCOIN_NETWORKS) expect(scriptHex(text, network)).toBeUndefined();
});

describe("scripts", () => {
  const KEY = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
  const Y = "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";

  test("a bare public key counts as its hash's address: compressed, uncompressed and hybrid", () => {
    expect(printed(fromHex(`2102${KEY}ac`), "mainnet")).toBe("1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH");
    expect(printed(fromHex(`4104${KEY}${Y}ac`), "mainnet")).toBe("1EHNa6Q4Jz2uvNExL497mE43ikXhwF6kZm");
    expect(printed(fromHex(`2102${KEY}ac`), "regtest")).toBe("mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r");
    const hybrid = printed(fromHex(`4106${KEY}${Y}ac`), "mainnet");
    expect(hybrid).toMatch(/^1/);
    expect(hybrid).not.toBe("1EHNa6Q4Jz2uvNExL497mE43ikXhwF6kZm");
  });

  test.each([
    ["bare multisig", `5121${`02${KEY}`}51ae`],
    ["a key that begins wrongly", `2105${KEY}ac`],
    ["a long key under a short one's first byte", `4102${KEY}${Y}ac`],
    ["a key without its opcode", `2102${KEY}ad`],
    ["data", `6a20${KEY}`],
    ["nothing", ""],
    ["a hash with a byte more", "76a914a31c06bd463e3923bc1aadbde48b16976c08071788ac00"],
    ["a hash with a byte less", "76a914a31c06bd463e3923bc1aadbde48b16976c080788ac"],
    ["a hash with another end", "76a914a31c06bd463e3923bc1aadbde48b16976c08071788ad"],
    ["a hash pushed another way", "76a94c14a31c06bd463e3923bc1aadbde48b16976c08071788ac"],
    ["a script's hash with another end", "a914373b819a068f32b7a6b38b6b38729647cfde01c288"],
    ["version 0 of a length that has no meaning", `0010${KEY.slice(32)}`],
    ["a program of one byte", "510100"],
    ["a program of 41 bytes", `5129${"00".repeat(41)}`],
    ["a program shorter than its push", `5120${KEY.slice(2)}`],
    ["a program with something behind", `5120${KEY}51`],
    ["version 17", `6120${KEY}`],
    ["version -1", `4f20${KEY}`],
  ])("%s has none", (_, hex) => {
    expect(printed(fromHex(hex), "mainnet")).toBeUndefined();
  });

  const programs = fc.oneof(
    fc.record({ version: fc.constant(0), program: fc.oneof(bytesOf(20, 20), bytesOf(32, 32)) }),
    fc.record({ version: fc.integer({ min: 1, max: 16 }), program: bytesOf(2, 40) }),
  );
  const scripts = fc.oneof(
    bytesOf(20, 20).map((hash) => Uint8Array.of(0x76, 0xa9, 20, ...hash, 0x88, 0xac)),
    bytesOf(20, 20).map((hash) => Uint8Array.of(0xa9, 20, ...hash, 0x87)),
    programs.map(({ version, program }) =>
      Uint8Array.of(version === 0 ? 0 : 0x50 + version, program.length, ...program),
    ),
  );

  test("every script with an address is the script of its address, on every network", () => {
    fc.assert(
      fc.property(scripts, fc.constantFrom(...BITCOIN_NETWORKS), (script, network) => {
        const address = printed(script, network);
        expect(scriptHex(address ?? "", network)).toBe(toHex(script));
      }),
      { numRuns: 3000 },
    );
  });

  test("an address with one letter changed is none", () => {
    const change = fc.tuple(scripts, fc.nat(), fc.constantFrom(..."abcdefghijkmnpqrstuvwxyz123456789"));
    fc.assert(
      fc.property(change, ([script, at, letter]) => {
        const address = printed(script, "mainnet") ?? "";
        const index = at % address.length;
        const changed = address.slice(0, index) + letter + address.slice(index + 1);
        expect(scriptHex(changed, "mainnet")).toBe(changed === address ? toHex(script) : undefined);
      }),
      { numRuns: 3000 },
    );
  });
});

const VERSION_12 = "5c1b2281000000000000000000c0843dda0564c801099b813aed060000";

test.skipIf(!realBlocksAreThere)(
  "all addresses that Bitcoin Core printed for real blocks (needs the data set beside the project)",
  () => {
    const outputs = new Map<string, PrintedOutput["scriptPubKey"]>();
    for (const { vin, vout } of realBlockNames().flatMap((name) => readRealBlock(name).printed.tx)) {
      for (const { scriptPubKey } of [...vout, ...vin.flatMap(({ prevout }) => prevout ?? [])]) {
        outputs.set(scriptPubKey.hex, scriptPubKey);
      }
    }
    const addresses = [...outputs.values()].flatMap(({ address }) => address ?? []);
    expect(addresses.length).toBeGreaterThan(40_000);
    // The data set calls an output to version 12 nonstandard, as no Bitcoin Core since BIP 141 does.
    expect(outputs.get(VERSION_12)).toEqual({ hex: VERSION_12, type: "nonstandard" });
    outputs.delete(VERSION_12);
    expect(printed(fromHex(VERSION_12), "mainnet")).toBe(
      "bc1vy2qsqqqqqqqqqqqqqrqgg0w6q4jvsqgfnwqn4mgxqqqqk0a8jx",
    );
    for (const { hex, type, address } of outputs.values()) {
      // Bitcoin Core prints no address for a bare public key; we count it as its hash's.
      if (type === "pubkey") expect(printed(fromHex(hex), "mainnet")).toMatch(/^1/);
      else expect(printed(fromHex(hex), "mainnet")).toBe(address);
      if (address !== undefined) expect(scriptHex(address, "mainnet")).toBe(hex);
    }
  },
);

function bytesOf(minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength, maxLength });
}
