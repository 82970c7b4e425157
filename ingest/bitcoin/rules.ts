import type { BitcoinNetwork } from "../../stream/bitcoin/network.ts";
import type { BlockHash } from "../../stream/block.ts";

/** How a network sets its difficulty anew every 2,016 blocks: not at all, from the last block's target, or from the period's first (BIP 94). */
export type Retarget = "none" | "last" | "first";

/** What the proofs need to know of a network (Bitcoin Core, `kernel/chainparams.cpp`). */
export interface NetworkRules {
  /** What `getblockchaininfo` calls the network. */
  readonly chain: string;
  readonly genesis: BlockHash;
  /** The script in hex that a signet's blocks meet (BIP 325): custom signets have the same genesis and another one. */
  readonly challenge?: string;
  /** The largest target that is allowed. */
  readonly limit: bigint;
  readonly retarget: Retarget;
  /** A block twenty minutes after its parent may have the largest target. */
  readonly minDifficulty: boolean;
  /** From which height on a coinbase begins with its height (BIP 34, buried by BIP 90). */
  readonly coinbaseHeight: number;
  /** From which height on there are witnesses (BIP 141, buried). */
  readonly witnessHeight: number;
  /** After how many blocks the subsidy halves. */
  readonly halving: number;
}

const MAINNET: NetworkRules = {
  chain: "main",
  genesis: "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f" as BlockHash,
  limit: (1n << 224n) - 1n,
  retarget: "last",
  minDifficulty: false,
  coinbaseHeight: 227_931,
  witnessHeight: 481_824,
  halving: 210_000,
};

/** The rules of each network. */
export const NETWORK_RULES: Readonly<Record<BitcoinNetwork, NetworkRules>> = {
  mainnet: MAINNET,
  testnet3: {
    ...MAINNET,
    chain: "test",
    genesis: "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943" as BlockHash,
    minDifficulty: true,
    coinbaseHeight: 21_111,
    witnessHeight: 834_624,
  },
  testnet4: {
    ...MAINNET,
    chain: "testnet4",
    genesis: "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043" as BlockHash,
    retarget: "first",
    minDifficulty: true,
    coinbaseHeight: 1,
    witnessHeight: 1,
  },
  signet: {
    ...MAINNET,
    chain: "signet",
    genesis: "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6" as BlockHash,
    challenge:
      "512103ad5e0edad18cb1f0fc0d28a3d4f1f3e445640337489abb10404f2d1e086be430210359ef5021964fe22d6f8e05b2463c9540ce96883fe3b278760f048f5189f2e6c452ae",
    limit: 0x377aen << 216n,
    coinbaseHeight: 1,
    witnessHeight: 1,
  },
  regtest: {
    chain: "regtest",
    genesis: "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206" as BlockHash,
    limit: (1n << 255n) - 1n,
    retarget: "none",
    minDifficulty: true,
    coinbaseHeight: 1,
    witnessHeight: 0,
    halving: 150,
  },
};
