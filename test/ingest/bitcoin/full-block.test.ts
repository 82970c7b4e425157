import { expect, it } from "vitest";
import { proveAnswer } from "../../../ingest/bitcoin/prove.ts";
import { fullBlock } from "../../chain/bitcoin/full-block.ts";

it("a full block of 4 MB is read and proven", () => {
  const { size, transactions, task } = fullBlock();
  expect(size).toBeGreaterThan(3_990_000);
  expect(transactions).toBeGreaterThan(6_000);
  expect(proveAnswer(task()).kind).toBe("proven");
});
