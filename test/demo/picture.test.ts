import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import type { BlockHash, BlockRef, ChainName } from "../../stream/block.ts";
import type { StageEvent } from "../../stream/kafka/stage.ts";
import type { Row24h } from "../../warehouse/postgres/table.ts";
import { BLANK, BLANKS, countOf, type Picture, type Pictures, see, seeReport } from "./picture.ts";
import { tableLines, windowOf } from "./rows.ts";
import { draw } from "./screen.ts";
import { tell } from "./tale.ts";

const block = (height: number, branch = "a"): BlockRef => ({
  height,
  hash: `${branch}${height}` as BlockHash,
});
const announced = (one: BlockRef): StageEvent => ({ kind: "announced", block: one, nodeHead: one.height });
const released = (one: BlockRef): StageEvent => ({ kind: "released", block: one, tip: one.height + 5 });
const reorg: StageEvent = {
  kind: "reorg",
  depth: 2,
  orphaned: [block(1002), block(1001)],
  newTip: block(1001, "b"),
};

const story = [
  ...[1000, 1001, 1002].map((height) => announced(block(height))),
  announced(block(1001, "b")),
  reorg,
  announced(block(1002, "b")),
  announced(block(1003, "b")),
  released(block(1000)),
  { kind: "stored", store: "postgres", height: 1000 } satisfies StageEvent,
];
const seen = (events: readonly StageEvent[]): Picture => events.reduce(see, BLANK);
const ETHEREUM = "ethereum" as ChainName;
const BITCOIN = "bitcoin" as ChainName;
const on = (chain: ChainName, event: StageEvent) => ({ chain, event });
const told = (chain: ChainName, events: readonly StageEvent[], before: Pictures = BLANKS): Pictures =>
  events.reduce((pictures, event) => seeReport(pictures, on(chain, event)), before);
const counts = (picture: Picture) =>
  (["final", "withheld", "orphaned"] as const).map((fate) => countOf(picture, fate));

test("a block arrives, is withheld, and ends final or orphaned", () => {
  const picture = seen(story);
  expect(counts(picture)).toEqual([1, 3, 2]);
  expect(picture).toMatchObject({ head: 1003, final: 1000, reorgs: 1, deepest: 2 });
  expect(picture.stored).toEqual({ postgres: 1000, parquet: 0 });
});

test("in whatever order the stages report, the picture is the same", () => {
  expect(counts(seen(story.toReversed()))).toEqual([1, 3, 2]);
});

test("each chain has a picture of its own", () => {
  const both = told(BITCOIN, [announced(block(200))], told(ETHEREUM, story));
  expect(both.get(ETHEREUM)).toEqual(seen(story));
  expect(both.get(BITCOIN)).toEqual(seen([announced(block(200))]));
});

test("the story in lines: each reorg, and a sum every five hours of a chain", () => {
  const pictures = told(ETHEREUM, story);
  expect(tell(pictures, on(ETHEREUM, reorg))).toEqual([
    "  reorg on Ethereum: blocks 1001, 1002 orphaned before being final; the new tip is 1001",
  ]);
  expect(tell(pictures, on(ETHEREUM, released(block(1000))))).toEqual([
    "Ethereum 2026-01-01 22:00 UTC: block 1000 is final; 6 blocks arrived: 1 final, 3 withheld, 2 orphaned; stored up to 1000 in Postgres, 0 in the lake",
  ]);
  expect(tell(pictures, on(ETHEREUM, released(block(1001))))).toEqual([]);
  const bitcoin = told(BITCOIN, [released(block(230))]);
  expect(tell(bitcoin, on(BITCOIN, released(block(230))))).toEqual([
    "Bitcoin 2026-01-02 03:00 UTC: block 230 is final; 1 blocks arrived: 1 final, 0 withheld, 0 orphaned; stored up to 0 in Postgres, 0 in the lake",
  ]);
});

const row = (exchange: string, token: string, inflow: string): Row24h => ({
  chain: token === "BTC" ? "bitcoin" : "ethereum",
  exchange,
  asset: token.replace("_ERC20", ""),
  token,
  window_start: "2026-01-01T22:00:00Z",
  window_end: "2026-01-02T22:00:00Z",
  inflow,
  inflow_previous: "80",
  inflow_change: "0.25",
  outflow: null,
  outflow_previous: null,
  outflow_change: null,
  complete: true,
});

test("the table: the largest of the best-known tokens, by exchange and token", () => {
  const rows = [
    row("b", "ETH", "100"),
    row("a", "USDT_ERC20", "1234.567"),
    row("a", "PEPE_ERC20", "9"),
    row("c", "ETH", "1"),
    row("a", "BTC", "0.12345"),
  ];
  const [head, ...body] = tableLines(rows, 4).map((line) => line.trim().split(/\s+/));
  expect(head).toEqual(["Exchange", "Token", "Inflow", "Change", "Outflow", "Change"]);
  expect(body).toEqual([
    ["a", "BTC", "0.1234", "-99.85%", "–", "–"],
    ["a", "USDT_ERC20", "1,234.5670", "+1,443.21%", "–", "–"],
    ["b", "ETH", "100.0000", "+25.00%", "–", "–"],
  ]);
  expect(windowOf(rows)).toBe("the 24 hours to 2026-01-02 22:00 UTC against the 24 before");
  const earlier = { ...row("a", "BTC", "1"), window_end: "2026-01-02T21:00:00Z", complete: false };
  expect(windowOf([earlier, ...rows])).toBe(
    "the 24 hours to 2026-01-02 22:00 UTC (Ethereum), 2026-01-02 21:00 UTC (Bitcoin) against the 24 before; not yet that many",
  );
});

test("the screen: each chain, and below each height what was orphaned there; never more rows than the terminal has", () => {
  const table = (count: number) => Array.from({ length: count }, (_, index) => `row ${index}`);
  const view = { columns: 80, lines: 24, elapsedS: 3, title: "", table, footer: ["x".repeat(150), "end"] };
  const lines = stripVTControlCharacters(draw(told(ETHEREUM, story), view))
    .split("\n")
    .map((line) => line.trimEnd());
  const at = lines.indexOf("Ethereum  ████");
  expect(lines[at + 1]).toBe("           ▀▀");
  expect(lines[at + 2]).toBe(
    "          2026-01-01 22:30 UTC: 6 arrived: 1 final, 3 withheld, 2 orphaned; 1 reorgs, the deepest 2; stored up to 1000 in Postgres, 0 in the lake",
  );
  expect(lines).toContain("Bitcoin   starting Kafka, Postgres and the stages");
  expect(lines.at(-2)).toBe("end");
  expect(lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / 80)), 0)).toBeLessThanOrEqual(
    24,
  );
});
