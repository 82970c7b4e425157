import { expect, test } from "vitest";
import { storeLines } from "../../runtime/verbs/verify.ts";

test("what differs is told day by day, and what mends it once", () => {
  const finding = (reason: string, remedy: string | undefined) => ({ kind: "stores differ", reason, remedy });
  const findings = [finding("a", "do this"), finding("b, restore it", undefined), finding("c", "do this")];
  expect(storeLines({ days: 3, feeds: 1, findings })).toEqual([
    "stores: 3 days and 1 feeds compared, 3 differences",
    "  stores differ: a",
    "  stores differ: b, restore it",
    "  stores differ: c",
    "  mend: do this",
  ]);
  expect(storeLines({ days: 3, feeds: 1, findings: [] })).toEqual([
    "stores: 3 days and 1 feeds compared, 0 differences",
  ]);
});
