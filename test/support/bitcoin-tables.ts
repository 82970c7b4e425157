import { addressOf } from "../../stream/bitcoin/address.ts";
import { txidOf } from "../../stream/bitcoin/block.ts";
import { decodeRawBlock, outputsOf } from "../../stream/bitcoin/parse.ts";
import { canonicalScript } from "../../stream/bitcoin/script.ts";
import { type ChainBlock, medianTime, rawValue } from "../chain/bitcoin/chain.ts";
import { HASHES, toHex } from "../stream/bitcoin/hashes.ts";
import { type Holders, type OracleLeg, oracleFlows } from "../stream/bitcoin/oracle.ts";
import type { PrintedBlock, PrintedOutput } from "../stream/bitcoin/real.ts";

const HOUR_S = 3600;
const EXCHANGES = ["alpha", "beta", "gamma"];
/** Of sixteen addresses as many as there are exchanges are labelled. */
const SHARE = 16;

/** A row of `exchange_flows_hourly`; whole numbers as text. */
export type HourRow = Readonly<Record<string, string | number | boolean>>;

/** The simulated block as a regtest node of ours would print it, with all addresses. */
export function printedOf(block: ChainBlock): PrintedBlock {
  const raw = decodeRawBlock(rawValue(block));
  const bytes = raw.block.bytes;
  const outputOf = (output: { value: number; scriptAt: number; scriptEnd: number }): PrintedOutput => {
    const script = bytes.subarray(output.scriptAt, output.scriptEnd);
    const canonical = canonicalScript(script, HASHES);
    const address = canonical && addressOf(canonical, "regtest", HASHES.sha256);
    const place = { hex: toHex(script), type: "told" };
    return {
      value: (output.value / 1e8).toFixed(8),
      scriptPubKey: address === undefined ? place : { ...place, address },
    };
  };
  const tx = raw.block.transactions.map((one, index) => {
    const spent = outputsOf(raw.block, raw.spent[index]!).map((output) => ({ prevout: outputOf(output) }));
    const txid = txidOf(raw.block, one, HASHES.sha256);
    const vin = index === 0 ? [{ coinbase: "00" }] : spent;
    return { txid, hash: txid, vin, vout: outputsOf(raw.block, one).map(outputOf) };
  });
  const { hash, height, parent, time } = block;
  const unused = { merkleroot: "", version: 0, nonce: 0, bits: "" };
  return { ...unused, hash, height, previousblockhash: parent, time, tx };
}

/** Labels for some of the addresses in these blocks: who holds one depends on nothing but its letters. */
export function holdersIn(blocks: readonly PrintedBlock[]): Holders {
  const outputs = blocks.flatMap(({ tx }) =>
    tx.flatMap(({ vin, vout }) => [...vin.flatMap(({ prevout }) => prevout ?? []), ...vout]),
  );
  const addresses = new Set(outputs.flatMap(({ scriptPubKey }) => scriptPubKey.address ?? []));
  return new Map(
    [...addresses].flatMap((address) => {
      const exchange = EXCHANGES[(HASHES.sha256(Buffer.from(address))[0] ?? 0) % SHARE];
      return exchange === undefined ? [] : [[address, exchange] as const];
    }),
  );
}

/** A label file of these holders. */
export function labelFile(holders: Holders): string {
  const rows = [...holders].map(([address, exchange]) => `bitcoin,${address},${exchange},,,,made up`);
  return `${["chain,address,exchange,wallet,role,valid_from,source", ...rows].join("\n")}\n`;
}

/** A block's legs and fees, worked out a second time. */
export interface OracleBlock {
  readonly block: ChainBlock;
  readonly legs: readonly OracleLeg[];
  readonly fees: Readonly<Record<string, bigint>>;
}

/** The flows of final blocks, oldest first. */
export function oracleBlocks(final: readonly ChainBlock[], holders: Holders): readonly OracleBlock[] {
  return final.map((block) => ({ block, ...oracleFlows(printedOf(block), holders) }));
}

/** The hours that these blocks come to, by exchange and hour; what is complete follows from the last block's median time. */
export function oracleHours(blocks: readonly OracleBlock[]): readonly HourRow[] {
  const watermark = medianTime(blocks.at(-1)!.block);
  const hours = [...new Set(blocks.map(({ block }) => Math.floor(block.time / HOUR_S)))].sort(
    (a, b) => a - b,
  );
  return EXCHANGES.flatMap((exchange) =>
    hours.flatMap((hour) => {
      const within = blocks.filter(({ block }) => Math.floor(block.time / HOUR_S) === hour);
      const contributing = within.filter(({ legs, fees }) => contributes({ legs, fees }, exchange));
      return contributing.length === 0 ? [] : [hourRow(contributing, { exchange, hour, watermark })];
    }),
  );
}

function contributes({ legs, fees }: Pick<OracleBlock, "legs" | "fees">, exchange: string): boolean {
  return (
    (fees[exchange] ?? 0n) !== 0n ||
    legs.some((leg) => leg.from_exchange === exchange || leg.to_exchange === exchange)
  );
}

function hourRow(
  blocks: readonly OracleBlock[],
  { exchange, hour, watermark }: { exchange: string; hour: number; watermark: number },
): HourRow {
  const of = (side: "from_exchange" | "to_exchange", types: readonly string[]) =>
    blocks.map(({ legs }) => legs.filter((leg) => leg[side] === exchange && types.includes(leg.flow_type)));
  const into = of("to_exchange", ["inflow", "inter"]);
  const out = of("from_exchange", ["outflow", "inter"]);
  const sum = (legs: readonly (readonly OracleLeg[])[]) =>
    legs.flat().reduce((total, leg) => total + BigInt(leg.amount), 0n);
  const transactions = (legs: readonly (readonly OracleLeg[])[]) =>
    legs.reduce((total, ofBlock) => total + new Set(ofBlock.map((leg) => leg.tx_hash)).size, 0);
  return {
    exchange,
    hour: new Date(hour * HOUR_S * 1000).toISOString(),
    inflow: String(sum(into)),
    outflow: String(sum(out)),
    netflow: String(sum(into) - sum(out)),
    inflow_inter: String(sum(of("to_exchange", ["inter"]))),
    outflow_inter: String(sum(of("from_exchange", ["inter"]))),
    inflow_txs: transactions(into),
    outflow_txs: transactions(out),
    inflow_transfers: into.flat().length,
    outflow_transfers: out.flat().length,
    issued: String(sum(of("to_exchange", ["issued"]))),
    fees: String(blocks.reduce((total, { fees }) => total + (fees[exchange] ?? 0n), 0n)),
    complete: (hour + 1) * HOUR_S <= watermark,
    first_height: Math.min(...blocks.map(({ block }) => block.height)),
    last_height: Math.max(...blocks.map(({ block }) => block.height)),
  };
}
