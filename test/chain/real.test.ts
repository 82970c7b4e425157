import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { loadBodies } from "./bodies.ts";
import { ask } from "./client.ts";
import { toQuantity } from "./hex.ts";
import { startNode } from "./node.ts";
import { readReal, realChain } from "./real.ts";
import { partOf } from "./served.ts";

const DATA = "../shared/data/ethereum";
const testWithData = test.skipIf(!existsSync(DATA));

testWithData("serves real blocks unchanged (skipped where ../shared/data is not there)", async () => {
  const node = await startNode(realChain(DATA, { first: 17686110, last: 17686112 }));
  const { block, receipts } = readReal(DATA, 17686111);
  expect(await ask(node.url, "eth_getBlockByNumber", "0x10dde5f", true)).toEqual(block);
  expect(await ask(node.url, "eth_getBlockReceipts", block["hash"])).toEqual(receipts);
  expect(await ask(node.url, "eth_blockNumber")).toBe("0x10dde60");
  const traces = (await ask(node.url, "debug_traceBlockByHash", block["hash"])) as unknown[];
  expect(traces.length).toBe(receipts.length);
  await node.close();
});

testWithData(
  "prints a body as its source did, field by field (skipped where ../shared/data is not there)",
  () => {
    const { block, receipts } = readReal(DATA, 17053184);
    const body = loadBodies(({ height }) => height === 17053184)[0]!;
    const receiptLabels = {
      hash: body.facts.hash,
      number: toQuantity(17053184),
      time: toQuantity(body.facts.time),
    };
    const content = { ...body, hash: body.facts.hash, receiptLabels };
    const ours = partOf(content, "full") as { transactions: Record<string, unknown>[] } & Record<
      string,
      unknown
    >;
    const shared = Object.keys(ours).filter((key) => key in block && key !== "transactions");
    expect(Object.fromEntries(shared.map((key) => [key, ours[key]]))).toEqual(
      Object.fromEntries(shared.map((key) => [key, block[key]])),
    );
    const theirs = block["transactions"] as Record<string, unknown>[];
    for (const [index, tx] of theirs.entries())
      expect(ours.transactions[index]).toMatchObject(withoutNulls(tx));
    const printed = partOf(content, "receipts") as Record<string, unknown>[];
    for (const [index, one] of receipts.entries()) expect(printed[index]).toMatchObject(withoutNulls(one));
  },
);

function withoutNulls(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}
