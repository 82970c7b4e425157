import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** Real main-net blocks as a node printed them; they lie beside the project, and tests that need them say so when they don't. */
const FOLDER = "../shared/data/ethereum/blocks";

export const realBlocksAreThere = existsSync(FOLDER);

export type Json = { readonly [key: string]: unknown };

/** One call of a transaction, as the data set has it. */
export interface FlatCall {
  readonly index: number;
  readonly parent: number;
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly value: string;
  readonly failed: boolean;
  readonly stateReverted: boolean;
}

export interface FlatTrace {
  readonly transactionHash: string;
  readonly calls: readonly FlatCall[];
  readonly balanceChanges: readonly BalanceChange[];
}

/** A balance before and after, as the node recorded it; hex wei. */
export interface BalanceChange {
  readonly address: string;
  readonly old: string;
  readonly new: string;
  readonly reason: string;
}

export interface RealBlock {
  readonly block: Json & {
    readonly hash: string;
    readonly number: string;
    readonly transactions: readonly Json[];
  };
  readonly receipts: readonly Json[];
  readonly traces: readonly FlatTrace[] | undefined;
  readonly blockBalanceChanges: readonly BalanceChange[];
}

/** The real block at `height`, its receipts and, where the data set has them in flat form, its traces. */
export function readRealBlock(height: number): RealBlock {
  const read = (part: string) => {
    const path = `${FOLDER}/${height}.${part}.json.gz`;
    return existsSync(path) ? JSON.parse(gunzipSync(readFileSync(path)).toString("utf8")) : undefined;
  };
  const traces = read("traces");
  return {
    block: read("block"),
    receipts: read("receipts"),
    traces: traces?.transactions,
    blockBalanceChanges: traces?.blockBalanceChanges ?? [],
  };
}
