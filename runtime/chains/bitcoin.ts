import type { Logger } from "pino";
import { BITCOIN_HASHES, sha256 } from "../../ingest/bitcoin/hashes.ts";
import type { BitcoinOptions } from "../../ingest/options.ts";
import type { Source } from "../../ingest/source.ts";
import { bitcoinAddress } from "../../stream/bitcoin/address.ts";
import type { FlowRule } from "../../stream/flow/rule.ts";
import { type BitcoinChainConfig, policyOf } from "../config.ts";
import type { NodeAddresses } from "../environment.ts";
import { type ChainKind, type NodeStanding, type Reprove, withProver } from "./kind.ts";

/** A block's time may be so far ahead of its node's clock, seconds (Bitcoin Core, `chain.h`: `MAX_FUTURE_BLOCK_TIME`). */
const MAX_FUTURE_S = 7200;
/** Who asks for a chain's standing waits so long for a node. */
const STANDING_PATIENCE_MS = 3000;

/** Bitcoin's chains. */
export function bitcoinKind(chain: BitcoinChainConfig): ChainKind {
  return {
    addressForm: bitcoinAddress(chain.network, sha256),
    coverageLagS: MAX_FUTURE_S,
    watermarkRule: "medianTimePast",
    flowRule: () => flowRule(chain),
    openSource: (nodes, log) => openSource(chain, nodes, log),
    reprover: () => reprover(chain),
    describeNodes: (nodes, log, signal) => describe(optionsOf(chain, nodes), log, signal),
  };
}

async function flowRule({ network }: BitcoinChainConfig): Promise<FlowRule> {
  const { bitcoinRule } = await import("../../stream/bitcoin/flows.ts");
  return bitcoinRule({ network, hashes: BITCOIN_HASHES });
}

async function openSource(chain: BitcoinChainConfig, nodes: NodeAddresses, log: Logger): Promise<Source> {
  const { openBitcoinProver } = await import("../../ingest/bitcoin/pool.ts");
  const { openBitcoinSource } = await import("../../ingest/bitcoin/source.ts");
  const prover = openBitcoinProver();
  return withProver(openBitcoinSource(optionsOf(chain, nodes), { prover, log }), prover);
}

async function describe(
  options: BitcoinOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<readonly NodeStanding[]> {
  const { describeNodes } = await import("../../ingest/bitcoin/source.ts");
  const { NODE_LIMITS } = await import("../../ingest/limits.ts");
  const patience = { smallAnswerMs: STANDING_PATIENCE_MS, bodyAnswerMs: STANDING_PATIENCE_MS };
  return await describeNodes(options, { log, limits: { ...NODE_LIMITS, ...patience } }, signal);
}

function optionsOf(chain: BitcoinChainConfig, nodes: NodeAddresses): BitcoinOptions {
  return {
    kind: "bitcoin",
    network: chain.network,
    start: chain.start,
    policy: policyOf(chain),
    pollMs: chain.pollMs,
    waive: chain.waive,
    nodes: nodes.rpc,
    restUrls: nodes.rest,
    cookieFile: nodes.cookieFile,
  };
}

async function reprover({ network }: BitcoinChainConfig): Promise<Reprove> {
  const { bitcoinReprover } = await import("../../ingest/bitcoin/reprove.ts");
  return bitcoinReprover(network);
}
