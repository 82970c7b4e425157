import { expect, test } from "vitest";
import { type Fault, plan, victimText } from "./plan.ts";

const STAGES = ["ingest ethereum", "gate ethereum", "warehouse parquet --chain ethereum"];

function faults(seed: number, count: number, brokers = 1): readonly Fault[] {
  const drawn: Fault[] = [];
  for (const fault of plan({ seed, stages: STAGES, brokers })) {
    drawn.push(fault);
    if (drawn.length === count) break;
  }
  return drawn;
}

test("a seed is a plan, and another seed another one", () => {
  expect(faults(7, 50)).toEqual(faults(7, 50));
  expect(faults(7, 50)).not.toEqual(faults(8, 50));
});

test("two hundred faults strike every worker and every standby, both servers, by death and by sleep", () => {
  const struck = new Set(faults(1, 200).map(({ kind, victim }) => `${kind} ${victimText(victim)}`));
  const pairs = STAGES.flatMap((stage) => [`${stage} (worker)`, `${stage} (standby)`]);
  expect(
    [...pairs, "broker 1"].filter((one) => !struck.has(`kill ${one}`) || !struck.has(`freeze ${one}`)),
  ).toEqual([]);
  expect(struck).toContain("kill database");
});

test("of a cluster it strikes each node, and each two of them, never all three", () => {
  const struck = new Set(faults(1, 300, 3).map(({ victim }) => victimText(victim)));
  const pairs = ["1 and 2", "1 and 3", "2 and 1", "2 and 3", "3 and 1", "3 and 2"].map(
    (two) => `brokers ${two}`,
  );
  expect(["broker 1", "broker 2", "broker 3", ...pairs].filter((one) => !struck.has(one))).toEqual([]);
  expect([...struck].filter((one) => one.includes(",")).length).toBe(0);
});
