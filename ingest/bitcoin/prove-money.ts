import type { RawBlock } from "../../stream/bitcoin/block.ts";
import { MAX_MONEY } from "../../stream/bitcoin/parse.ts";
import type { ProofSet } from "./prove-header.ts";
import { demand, demandAlways } from "./refuse.ts";
import type { NetworkRules } from "./rules.ts";

/** What the first blocks' coinbases may claim beside fees, in satoshi: 50 BTC (Bitcoin Core, `GetBlockSubsidy`). */
const FIRST_SUBSIDY = 5_000_000_000;

/**
 * Proves that no transaction pays out more than it spends, and that the coinbase claims no more than it may. The former holds also where `spent`
 * is waived, as one spent output an input does: without it a block has no flows. Throws `ProofRefused`.
 */
export function proveMoney(raw: RawBlock, height: number, rules: NetworkRules, proofs: ProofSet): void {
  const fees = feesOf(raw);
  if (!proofs.has("coinbase")) return;
  const [coinbase] = raw.block.transactions;
  const claimed = coinbase?.total ?? 0;
  const allowed = subsidyAt(height, rules) + fees;
  demand(
    claimed <= allowed,
    "coinbase",
    () => `it claims ${claimed} satoshi, and subsidy and fees are ${allowed}`,
  );
}

/** The fees of all transactions, in satoshi. Within the range of money at every step: a double holds all of them. */
function feesOf({ block, spent }: RawBlock): number {
  let fees = 0;
  for (const [index, tx] of block.transactions.entries()) {
    if (index === 0) continue;
    const fee = (spent[index]?.total ?? 0) - tx.total;
    demandAlways(
      fee >= 0,
      "spent",
      () =>
        `transaction ${index} pays out ${tx.total} satoshi and spends ${tx.total + fee}, which no waiver allows`,
    );
    fees += fee;
    demandAlways(
      fees <= MAX_MONEY,
      "spent",
      () => `fees up to transaction ${index} are above 21 million BTC, which no waiver allows`,
    );
  }
  return fees;
}

/** What a coinbase may claim beside fees, in satoshi: halved again and again, until nothing is left. */
export function subsidyAt(height: number, { halving }: Pick<NetworkRules, "halving">): number {
  return Math.floor(FIRST_SUBSIDY / 2 ** Math.floor(height / halving));
}
