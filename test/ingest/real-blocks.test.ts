import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type SimulatedNode, startNode } from "../chain/node.ts";
import { realChain } from "../chain/real.ts";
import type { ServedBlock } from "../chain/served.ts";
import { ethereumOptions, rawRecords, startIngest } from "../support/ingest-story.ts";
import { MemoryCluster } from "../support/memory-broker.ts";

const DATA = "../shared/data/ethereum";
const EXAMPLE = "../shared/examples/ethereum/raw-headers.json";
const [FIRST, LAST] = [17_686_114, 17_686_116];

type Json = Readonly<Record<string, unknown>>;

/** A block as a node prints it that is spelled otherwise: other case, fields of its own, and without those that nobody needs. */
function respelled(block: ServedBlock): ServedBlock {
  return {
    ...block,
    before: block.before && respelled(block.before),
    answer: (part) => {
      const json = block.answer(part);
      return json && Buffer.from(JSON.stringify(otherwise(JSON.parse(json.toString()))));
    },
  };
}

function otherwise(json: unknown): unknown {
  if (typeof json === "string") return json.startsWith("0x") ? `0x${json.slice(2).toUpperCase()}` : json;
  if (Array.isArray(json)) return json.map(otherwise);
  if (typeof json !== "object" || json === null) return json;
  const { size, ...fields } = json as Json;
  const spelled = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, otherwise(value)]));
  if ("logsBloom" in fields && "number" in fields) return { ...spelled, totalDifficulty: null, era: "0x1" };
  if ("result" in fields) return { result: spelled["result"] };
  if ("cumulativeGasUsed" in fields) return { ...spelled, root: `0x${"ab".repeat(32)}` };
  return "type" in fields && !("nonce" in fields) ? { calls: null, ...spelled } : spelled;
}

describe.skipIf(!existsSync(DATA))("real blocks (need the data beside the project)", () => {
  const nodes: SimulatedNode[] = [];
  beforeAll(async () => {
    const tip = realChain(DATA, { first: FIRST, last: LAST });
    nodes.push(await startNode(tip, { raw: false }), await startNode(respelled(tip), { raw: false }));
  });
  afterAll(async () => {
    for (const node of nodes) await node.close();
  });

  async function ingested(node: SimulatedNode | undefined) {
    const cluster = new MemoryCluster();
    const options = ethereumOptions([node?.url ?? ""], {
      start: FIRST,
      traces: true,
      waive: ["withdrawals"],
    });
    await startIngest(cluster, options, { until: FIRST }).ended;
    return rawRecords(cluster);
  }

  test("one has the key and the headers of the worked example", async () => {
    const records = await ingested(nodes[0]);
    const example = JSON.parse(readFileSync(EXAMPLE, "utf8")) as { key: string; headers: Json };
    const record = records.find(({ key }) => key === example.key);
    expect(record?.headers).toEqual({
      ...example.headers,
      proofs: "header,transactions,receipts,ommers,bloom,logs,count,senders,traces",
    });
  });

  test("are the same bytes, however a node spells them", async () => {
    const value = ({ key, value, headers }: Awaited<ReturnType<typeof ingested>>[number]) => ({
      key,
      headers,
      value: Buffer.from(value ?? []).toString("base64"),
    });
    const [plain, other] = [await ingested(nodes[0]), await ingested(nodes[1])];
    expect(plain.length).toBe(3);
    expect(other.map(value)).toEqual(plain.map(value));
  });
});
