import type { Logger } from "pino";
import { ETHEREUM_PROOFS, type EthereumProof } from "../../ingest/ethereum/prover.ts";
import type { EthereumOptions } from "../../ingest/options.ts";
import type { Source } from "../../ingest/source.ts";
import { ethereumAddress } from "../../stream/flow/labels.ts";
import type { FlowRule } from "../../stream/flow/rule.ts";
import { type EthereumChainConfig, policyOf } from "../config.ts";
import type { NodeAddresses } from "../environment.ts";
import { type ChainKind, type Reprove, withProver } from "./kind.ts";

/** Ethereum's chains. */
export function ethereumKind(chain: EthereumChainConfig): ChainKind {
  return {
    addressForm: ethereumAddress,
    // Block times increase strictly.
    coverageLagS: 0,
    watermarkRule: "stated",
    flowRule: () => flowRule(chain),
    openSource: (nodes, log) => openSource(chain, nodes, log),
    reprover: () => reprover(chain),
    describeNodes: undefined,
  };
}

async function flowRule(chain: EthereumChainConfig): Promise<FlowRule> {
  const { ethereumRule } = await import("../../stream/ethereum/flows.ts");
  const { keccak256 } = await import("../../ingest/ethereum/keccak.ts");
  return ethereumRule({ chainId: chain.chainId, keccak: keccak256 });
}

async function openSource(chain: EthereumChainConfig, nodes: NodeAddresses, log: Logger): Promise<Source> {
  const { openProver } = await import("../../ingest/ethereum/pool.ts");
  const { openEthereumSource } = await import("../../ingest/ethereum/source.ts");
  const prover = openProver();
  return withProver(openEthereumSource(optionsOf(chain, nodes), { prover, log }), prover);
}

function optionsOf(chain: EthereumChainConfig, nodes: NodeAddresses): EthereumOptions {
  return {
    kind: "ethereum",
    chainId: chain.chainId,
    start: chain.start,
    policy: policyOf(chain),
    pollMs: chain.pollMs,
    traces: chain.traces,
    waive: chain.waive,
    blobSchedule: chain.blobSchedule?.map(({ time, baseFeeUpdateFraction }) => ({
      time,
      baseFeeUpdateFraction: BigInt(baseFeeUpdateFraction),
    })),
    nodes: nodes.rpc,
  };
}

async function reprover(chain: EthereumChainConfig): Promise<Reprove> {
  const { reprove } = await import("../../ingest/ethereum/reprove.ts");
  return (value, expected, proofs) => reprove(value, expected, proofs.filter(isProof), chain.chainId);
}

function isProof(name: string): name is EthereumProof {
  return ETHEREUM_PROOFS.some((proof) => proof === name);
}
