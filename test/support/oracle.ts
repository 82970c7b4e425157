import type { FlatTrace, Json, RealBlock } from "./real-blocks.ts";

/**
 * Exchange flows worked out a second time, straight from a node's JSON and DESIGN §5: no line is shared with the product.
 * For account chains after London and before EIP-7708.
 */
export interface OracleLeg {
  readonly tx_hash: string | null;
  readonly asset: string;
  readonly kind: string;
  readonly flow_type: string;
  readonly from_exchange: string | null;
  readonly to_exchange: string | null;
  readonly from_address: string | null;
  readonly to_address: string;
  readonly amount: string;
}

export interface OracleBooks {
  readonly labels: ReadonlyMap<string, string>;
  readonly tokens: ReadonlyMap<string, string>;
}

const TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
const ZERO = `0x${"0".repeat(40)}`;

/** Labels and tokens of chain `ethereum` from files in the project's format (plain CSV without quotes). */
export function oracleBooks(labelCsv: string, assetCsv: string): OracleBooks {
  const rows = (text: string) =>
    text
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => line.split(","));
  const labels = rows(labelCsv).filter(([chain]) => chain === "ethereum");
  const assets = rows(assetCsv).filter(([chain, , contract]) => chain === "ethereum" && contract !== "");
  return {
    labels: new Map(labels.map(([, address, exchange]) => [String(address).toLowerCase(), String(exchange)])),
    tokens: new Map(assets.map(([, asset, contract]) => [String(contract).toLowerCase(), String(asset)])),
  };
}

/** All legs of a block, in no particular order. */
export function oracleLegs(real: RealBlock, books: OracleBooks): readonly OracleLeg[] {
  const legs: OracleLeg[] = [];
  let tips = 0n;
  const baseFee = BigInt(String(real.block["baseFeePerGas"]));
  for (const [index, tx] of real.block.transactions.entries()) {
    const receipt = real.receipts[index] as Json;
    const tx_hash = String(tx["hash"]);
    tips += BigInt(String(receipt["gasUsed"])) * (BigInt(String(receipt["effectiveGasPrice"])) - baseFee);
    if (receipt["status"] === "0x1") {
      const to = (tx["to"] ?? receipt["contractAddress"]) as string;
      move(legs, books, {
        tx_hash,
        asset: "ETH",
        kind: "native",
        from: String(tx["from"]),
        to,
        amount: BigInt(String(tx["value"])),
      });
    }
    for (const inner of innerMoves(real.traces?.[index]))
      move(legs, books, { tx_hash, asset: "ETH", kind: "internal", ...inner });
    for (const log of receipt["logs"] as readonly Json[]) tokenMove(legs, books, log, tx_hash);
  }
  gift(legs, books, { kind: "reward", to: String(real.block["miner"]), amount: tips });
  for (const one of (real.block["withdrawals"] ?? []) as readonly Json[]) {
    gift(legs, books, {
      kind: "withdrawal",
      to: String(one["address"]),
      amount: BigInt(String(one["amount"])) * 10n ** 9n,
    });
  }
  return legs;
}

/** Wei that each exchange's addresses paid for gas, by exchange. */
export function oracleFees(real: RealBlock, books: OracleBooks): ReadonlyMap<string, bigint> {
  const fees = new Map<string, bigint>();
  for (const [index, tx] of real.block.transactions.entries()) {
    const receipt = real.receipts[index] as Json;
    const exchange = books.labels.get(String(tx["from"]));
    if (exchange === undefined) continue;
    const product = (a: string, b: string) =>
      BigInt(String(receipt[a] ?? 0)) * BigInt(String(receipt[b] ?? 0));
    const paid = product("gasUsed", "effectiveGasPrice") + product("blobGasUsed", "blobGasPrice");
    fees.set(exchange, (fees.get(exchange) ?? 0n) + paid);
  }
  return fees;
}

interface Movement {
  readonly tx_hash: string;
  readonly asset: string;
  readonly kind: string;
  readonly from: string;
  readonly to: string;
  readonly amount: bigint;
}

function move(legs: OracleLeg[], books: OracleBooks, movement: Movement): void {
  const { tx_hash, asset, kind, from, to, amount } = movement;
  if (amount === 0n || from === to) return;
  const from_exchange = books.labels.get(from) ?? null;
  const to_exchange = books.labels.get(to) ?? null;
  if (from_exchange === null && to_exchange === null) return;
  const flow_type = flowType(movement, from_exchange, to_exchange);
  legs.push({
    tx_hash,
    asset,
    kind,
    flow_type,
    from_exchange,
    to_exchange,
    from_address: from,
    to_address: to,
    amount: String(amount),
  });
}

function flowType(movement: Movement, from: string | null, to: string | null): string {
  if (movement.from === ZERO) return "issued";
  if (movement.to === ZERO) return "redeemed";
  if (from === to) return "intra";
  if (from === null) return "inflow";
  return to === null ? "outflow" : "inter";
}

function gift(
  legs: OracleLeg[],
  books: OracleBooks,
  what: { kind: string; to: string; amount: bigint },
): void {
  const to_exchange = books.labels.get(what.to);
  if (to_exchange === undefined || what.amount === 0n) return;
  const nobody = { tx_hash: null, from_exchange: null, from_address: null };
  legs.push({
    ...nobody,
    asset: "ETH",
    kind: what.kind,
    flow_type: "issued",
    to_exchange,
    to_address: what.to,
    amount: String(what.amount),
  });
}

function innerMoves(trace: FlatTrace | undefined): readonly { from: string; to: string; amount: bigint }[] {
  return (trace?.calls ?? [])
    .filter(
      (call) => call.index !== 1 && !call.stateReverted && ["CALL", "CREATE", "CREATE2"].includes(call.type),
    )
    .map((call) => ({ from: call.from, to: call.to, amount: BigInt(call.value) }));
}

function tokenMove(legs: OracleLeg[], books: OracleBooks, log: Json, tx_hash: string): void {
  const asset = books.tokens.get(String(log["address"]));
  const topics = log["topics"] as readonly string[];
  const words = [...topics.slice(1), ...(String(log["data"]).slice(2).match(/.{64}/g) ?? [])].map((word) =>
    word.slice(-64),
  );
  const erc20 = topics.length === 3 || topics.length === 1;
  if (asset === undefined || topics[0] !== TRANSFER || !erc20 || words.length !== 3) return;
  const [from, to, amount] = words as [string, string, string];
  const address = (word: string) => `0x${word.slice(24)}`;
  move(legs, books, {
    tx_hash,
    asset,
    kind: "token",
    from: address(from),
    to: address(to),
    amount: BigInt(`0x${amount}`),
  });
}
