import { expect, it } from "vitest";
import { BITCOIN_PROOFS } from "../../../ingest/bitcoin/prover.ts";
import { reproveBitcoin } from "../../../ingest/bitcoin/reprove.ts";
import { bitcoinRule } from "../../../stream/bitcoin/flows.ts";
import { flowsFromJson, hourlyFromJson, markFromJson, WATERMARK_KEY } from "../../../stream/flow/json.ts";
import { runAggregate } from "../../../stream/kafka/aggregate.ts";
import { textOf } from "../../../stream/kafka/block-record.ts";
import { runFlows } from "../../../stream/kafka/flows.ts";
import { runGate } from "../../../stream/kafka/gate.ts";
import type { StageContext } from "../../../stream/kafka/stage.ts";
import { chainTopics } from "../../../stream/kafka/topics.ts";
import { grow, medianTime, REGTEST_GENESIS, rawValue, simulateBitcoin } from "../../chain/bitcoin/chain.ts";
import { startBitcoinNode } from "../../chain/bitcoin/node.ts";
import { at, blocksOf } from "../../chain/walk.ts";
import { HASHES } from "../../stream/bitcoin/hashes.ts";
import { BITCOIN, bookOf } from "../../stream/bitcoin/story.ts";
import {
  bitcoinHashes,
  bitcoinOptions,
  bitcoinRecords,
  startBitcoinIngest,
} from "../../support/bitcoin-ingest.ts";
import { printedOf } from "../../support/bitcoin-tables.ts";
import { MemoryCluster } from "../../support/memory-broker.ts";
import { runToRest } from "../../support/stage-bed.ts";
import { closedAfterwards } from "../../support/started-nodes.ts";

const nodeAt = closedAfterwards(startBitcoinNode);

const tip = grow(simulateBitcoin({ start: 0 }), 4);
const genesis = at(tip, 0);
const topics = chainTopics("", BITCOIN);

/** Raw as ingest makes it from genesis to the tip. */
async function ingested(rest: boolean): Promise<MemoryCluster> {
  const node = await nodeAt(tip, { rest });
  const cluster = new MemoryCluster();
  const options = bitcoinOptions([node.url], { start: 0 });
  await startBitcoinIngest(cluster, options, { until: tip.height - 2 }).ended;
  expect(node.calls.has("getblock")).toBe(!rest);
  return cluster;
}

async function runStage(
  cluster: MemoryCluster,
  input: string,
  run: (context: StageContext) => Promise<void>,
): Promise<void> {
  const asBitcoin = (context: StageContext) => run({ ...context, chain: BITCOIN });
  expect(await runToRest(cluster, { run: asBitcoin, input }, { topics })).toEqual({ kind: "rested" });
}

it.each([true, false])("block 0 is ingested like any other (REST: %s), and proves again", async (rest) => {
  const cluster = await ingested(rest);
  expect(bitcoinHashes(cluster)).toEqual(blocksOf(tip).map(({ hash }) => hash));
  const [record] = bitcoinRecords(cluster);
  expect(record?.headers).toEqual({
    chain: "bitcoin",
    height: "0",
    hash: REGTEST_GENESIS,
    parent: "0".repeat(64),
    time: "1296688602",
    proofs: "header,work,merkle,witness,height,spent,coinbase",
    codec: "bitcoin.v1",
  });
  expect(Buffer.from(record?.value ?? []).toString("hex")).toBe(rawValue(genesis).toString("hex"));
  const again = reproveBitcoin(record?.value ?? new Uint8Array(), genesis, BITCOIN_PROOFS, {
    network: "regtest",
  });
  expect(again).toEqual({ kind: "holds" });
});

it("block 0 is final and has a watermark, and who holds its key gains nothing", async () => {
  const cluster = await ingested(true);
  const payeeOf = (height: number) => printedOf(at(tip, height)).tx[0]?.vout[0]?.scriptPubKey.address ?? "";
  const book = bookOf({ [payeeOf(0)]: "founder", [payeeOf(1)]: "miner" });
  const rule = bitcoinRule({ network: "regtest", hashes: HASHES });
  await runStage(cluster, topics.raw, (context) =>
    runGate(context, { kind: "confirmations", confirmations: 1 }),
  );
  await runStage(cluster, topics.final, (context) => runFlows(context, { rule, book: () => book }));
  await runStage(cluster, topics.flows, (context) => runAggregate(context, 7200, "medianTimePast"));

  const flows = cluster.records(topics.flows).map((record) => flowsFromJson(textOf(record)));
  expect(flows.map(({ height }) => height)).toEqual([0, 1, 2, 3, 4]);
  expect(flows[0]).toMatchObject({ hash: REGTEST_GENESIS, legs: [], fees: [] });
  expect(flows[1]?.legs).toMatchObject([{ kind: "coinbase", flowType: "issued", toExchange: "miner" }]);

  const outcome = cluster.records(topics.exchangeFlows);
  const rows = outcome.filter(({ key }) => key !== WATERMARK_KEY).map((one) => hourlyFromJson(textOf(one)));
  expect(rows.map(({ exchange }) => exchange)).not.toContain("founder");
  expect(rows[0]).toMatchObject({ exchange: "miner", firstHeight: 1, issued: flows[1]?.legs[0]?.amount });
  const marks = outcome.filter(({ key }) => key === WATERMARK_KEY).map((one) => markFromJson(textOf(one)));
  expect(marks.map(({ height, watermark, firstHeight }) => [height, watermark, firstHeight])).toEqual(
    blocksOf(tip).map((block) => [block.height, medianTime(block), 0]),
  );
});
