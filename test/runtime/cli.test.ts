import { expect, test } from "vitest";
import { readRequest } from "../../runtime/cli.ts";
import { InvalidUsage } from "../../runtime/exit.ts";

test("a feed is asked for one day or to go on, not for both: the day would be passed over", () => {
  const day = ["--date", "2023-07-13"];
  for (const args of [[], day, ["--follow"]]) expect(readRequest(["feed", ...args]).kind).toBe("verb");
  expect(() => readRequest(["feed", ...day, "--follow"])).toThrow(InvalidUsage);
});
