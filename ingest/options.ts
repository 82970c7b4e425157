import type { BitcoinNetwork } from "../stream/bitcoin/network.ts";
import type { FinalityPolicy } from "../stream/finality.ts";
import type { BitcoinProof } from "./bitcoin/prover.ts";
import type { EthereumProof } from "./ethereum/prover.ts";

/** When which update fraction of the blob base fee holds (EIP-4844, EIP-7840); `time` in Unix seconds. */
export interface BlobFork {
  readonly time: number;
  readonly baseFeeUpdateFraction: bigint;
}

/** What ingest is told of an Ethereum chain. `nodes` are http(s) or ws(s) URLs, most trusted first. */
export interface EthereumOptions {
  readonly kind: "ethereum";
  readonly chainId: number;
  readonly start: number | "latest";
  readonly policy: FinalityPolicy;
  readonly pollMs: number;
  readonly traces: boolean;
  readonly waive: readonly EthereumProof[];
  readonly blobSchedule: readonly BlobFork[] | undefined;
  readonly nodes: readonly string[];
}

/** What ingest is told of a Bitcoin chain. */
export interface BitcoinOptions {
  readonly kind: "bitcoin";
  readonly network: BitcoinNetwork;
  readonly start: number | "latest";
  readonly policy: FinalityPolicy;
  readonly pollMs: number;
  readonly waive: readonly BitcoinProof[];
  /** RPC addresses, http(s), with user:password where a node wants them, most trusted first. */
  readonly nodes: readonly string[];
  /** Base addresses of the nodes' REST interfaces, in the same order; where one is missing its RPC address stands for it. */
  readonly restUrls: readonly string[];
  /** The cookie file of nodes whose address has no credentials; undefined: they need none. */
  readonly cookieFile: string | undefined;
}
