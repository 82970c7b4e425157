/** Bitcoin's networks, by the names that the config uses. */
export const BITCOIN_NETWORKS = ["mainnet", "testnet3", "testnet4", "signet", "regtest"] as const;

/** One of Bitcoin's networks. */
export type BitcoinNetwork = (typeof BITCOIN_NETWORKS)[number];

/** What addresses of a network begin with: Base58Check version bytes, and the human-readable part of BIP 173. */
export interface AddressPrefixes {
  readonly pubkeyHash: number;
  readonly scriptHash: number;
  readonly segwit: string;
}

const TEST_VERSIONS = { pubkeyHash: 111, scriptHash: 196 };

/** The prefixes of each network's addresses (Bitcoin Core, `kernel/chainparams.cpp`). */
export const ADDRESS_PREFIXES: Readonly<Record<BitcoinNetwork, AddressPrefixes>> = {
  mainnet: { pubkeyHash: 0, scriptHash: 5, segwit: "bc" },
  testnet3: { ...TEST_VERSIONS, segwit: "tb" },
  testnet4: { ...TEST_VERSIONS, segwit: "tb" },
  signet: { ...TEST_VERSIONS, segwit: "tb" },
  regtest: { ...TEST_VERSIONS, segwit: "bcrt" },
};
