import type { Address, BlockHash, ChainName } from "../../stream/block.ts";
import {
  ethereumAddress,
  type LabelBook,
  openBook,
  parseAssets,
  parseLabels,
} from "../../stream/flow/labels.ts";
import type { AddressForm, FinalBlock } from "../../stream/flow/rule.ts";
import { rawValueOf } from "./raw-value.ts";
import type { Json, RealBlock } from "./real-blocks.ts";

/** All proofs that an Ethereum block with traces can have. */
export const ALL_PROOFS =
  "header,transactions,receipts,withdrawals,ommers,bloom,logs,count,senders,traces".split(",");

/** Chain `ethereum` as a config would name it. */
export const ETHEREUM = "ethereum" as ChainName;

/** The forms of a config with Ethereum alone. */
export const FORMS: ReadonlyMap<ChainName, AddressForm> = new Map([[ETHEREUM, ethereumAddress]]);

/** A real block as the final topic holds it. */
export function finalRealBlock(
  real: RealBlock,
  options: { ommers?: readonly Json[]; waived?: readonly string[] } = {},
): FinalBlock {
  const { ommers = [], waived = [] } = options;
  return {
    height: Number(real.block.number),
    hash: real.block.hash as BlockHash,
    parent: real.block["parentHash"] as BlockHash,
    time: Number(real.block["timestamp"]),
    proofs: new Set(ALL_PROOFS.filter((name) => !waived.includes(name))),
    headers: {},
    value: rawValueOf(real, ommers),
  };
}

/** Ethereum's book from the texts of a label and an asset file; throws on a fault. */
export function bookFrom(labelText: string, assetText: string): LabelBook {
  const labels = parseLabels([{ file: "labels.csv", text: labelText }], FORMS);
  const assets = parseAssets([{ file: "assets.csv", text: assetText }], FORMS);
  const faults = [...labels.faults, ...assets.faults];
  if (faults.length > 0) throw new Error(JSON.stringify(faults));
  return openBook({ chain: ETHEREUM, version: "v1", labels: labels.rows, assets: assets.rows });
}

/** A book in which every one of `addresses` is an exchange of its own, named by itself. */
export function everybodyLabelled(addresses: ReadonlySet<Address>): LabelBook {
  return {
    version: "everybody",
    nativeAsset: "ETH",
    exchangeAt: (address) => (addresses.has(address) ? address : null),
    addresses: () => addresses,
    assetOf: () => undefined,
  };
}
