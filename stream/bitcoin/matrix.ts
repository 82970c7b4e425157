/** Everything without a label together (U in DESIGN §5): the empty name, smaller than every exchange's. */
export const UNLABELLED = "";

/** What an entity spent and received in one transaction, in satoshi. */
export interface Stake {
  readonly entity: string;
  readonly spent: bigint;
  readonly received: bigint;
}

/** What a transaction was to an entity: `net` is what it gained beside the fee that it paid, negative where it gave. */
export interface Balance {
  readonly entity: string;
  readonly fee: bigint;
  readonly net: bigint;
}

/** What went from one entity to another in a transaction; `amount` is above zero. */
export interface Transfer {
  readonly from: string;
  readonly to: string;
  readonly amount: bigint;
}

/**
 * Each entity's share of the fee and its net gain (DESIGN §5), in the order of names: the gains sum to zero.
 * The transaction must not pay out more than it spends, and each entity stands in `stakes` once.
 */
export function balancesOf(stakes: readonly Stake[]): readonly Balance[] {
  const ordered = stakes.toSorted((one, other) => (one.entity < other.entity ? -1 : 1));
  const spent = sumOf(ordered, (stake) => stake.spent);
  const fee = spent - sumOf(ordered, (stake) => stake.received);
  const shares = ordered.map((stake) => (spent === 0n ? 0n : (fee * stake.spent) / spent));
  const remainder = fee - sumOf(shares, (share) => share);
  const largest = largestSpender(ordered);
  return ordered.map((stake, index) => {
    const paid = (shares[index] as bigint) + (stake === largest ? remainder : 0n);
    return { entity: stake.entity, fee: paid, net: stake.received + paid - stake.spent };
  });
}

/**
 * What went from whom to whom: first what exchanges gave each other, then, exchange by exchange, what is left of its gain or
 * loss, from or to the unlabelled. So the transfers of an exchange sum to its gain or loss, whatever rounding leaves.
 */
export function transfersOf(balances: readonly Balance[]): readonly Transfer[] {
  const exchanges = balances.filter(({ entity }) => entity !== UNLABELLED);
  const given = sumOf(balances, ({ net }) => (net < 0n ? -net : 0n));
  const between = exchanges.flatMap((from) => exchanges.flatMap((to) => share(from, to, given)));
  const rest = exchanges.flatMap(({ entity, net }) => {
    const taken = sumOf(between, ({ to, amount }) => (to === entity ? amount : 0n));
    const passed = sumOf(between, ({ from, amount }) => (from === entity ? amount : 0n));
    const left = net - taken + passed;
    if (left === 0n) return [];
    return left > 0n
      ? [{ from: UNLABELLED, to: entity, amount: left }]
      : [{ from: entity, to: UNLABELLED, amount: -left }];
  });
  return [...between, ...rest];
}

/** The part of `to`'s gain that came from `from`: as large as `from`'s part in all that was given. */
function share(from: Balance, to: Balance, given: bigint): readonly Transfer[] {
  if (from.net >= 0n || to.net <= 0n) return [];
  const amount = (to.net * -from.net) / given;
  return amount === 0n ? [] : [{ from: from.entity, to: to.entity, amount }];
}

/** The first of those that spent most: names are in order, and the smallest takes the remainder. */
function largestSpender(ordered: readonly Stake[]): Stake | undefined {
  return ordered.reduce<Stake | undefined>(
    (largest, stake) => (largest === undefined || stake.spent > largest.spent ? stake : largest),
    undefined,
  );
}

function sumOf<Item>(items: readonly Item[], amount: (item: Item) => bigint): bigint {
  return items.reduce((sum, item) => sum + amount(item), 0n);
}
