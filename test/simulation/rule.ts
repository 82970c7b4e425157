import type { Address, TxHash } from "../../stream/block.ts";
import type { FlowRule } from "../../stream/flow/rule.ts";
import type { Payload } from "./chain.ts";

/** The labels' version in every flows record of a simulation. */
export const LABEL_VERSION = "simulated";

/** The flow rule of the simulated chain: a block's bytes name its legs and fees. `stated`: its time is its watermark. */
export function simRule(stated: boolean): FlowRule {
  return (block) => {
    const { legs, fees } = JSON.parse(Buffer.from(block.value).toString("utf8")) as Payload;
    return {
      height: block.height,
      hash: block.hash,
      time: block.time,
      watermark: stated ? block.time : null,
      labelVersion: LABEL_VERSION,
      legs: legs.map(({ flowType, from, to, asset, amount, tx }, leg) => ({
        leg,
        txHash: `${block.hash}-${tx}` as TxHash,
        asset,
        kind: asset === "ETH" ? "native" : "token",
        flowType,
        fromExchange: from,
        toExchange: to,
        fromAddress: (from === null ? null : `wallet of ${from}`) as Address | null,
        toAddress: (to === null ? null : `wallet of ${to}`) as Address | null,
        amount: BigInt(amount),
        evidence: "block",
      })),
      fees: fees.map(({ exchange, amount }) => ({ exchange, asset: "ETH", amount: BigInt(amount) })),
    };
  };
}
