import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What holds a process to a limit of time, or strikes many: nothing else may run beside it. */
const ALONE = [
  "test/chaos/chaos.integration.test.ts",
  "test/runtime/run.integration.test.ts",
  "test/stream/kafka/gate.integration.test.ts",
];

/** These begin first, so that at the end no worker is left alone with one of them: vitest goes by a file's size until it has seen it run. */
const LONGEST = ["kill", "topics", "deleted", "halt", "secrets", "demo", "sink", "exit", "two-chains"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) =>
      LONGEST.some((name) => moduleId.endsWith(`/${name}.integration.test.ts`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

const ON_SERVERS = { pool: "forks", testTimeout: 240_000, hookTimeout: 300_000 } as const;

export default defineConfig({
  test: {
    globalSetup: ["test/build.ts"],
    sequence: { sequencer: LongestFirst },
    // What is waited for comes late on a busy machine: only what never comes is a failure.
    expect: { poll: { timeout: 30_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["**/*.integration.test.ts"],
          // A process each: some measure what theirs takes of the processor.
          pool: "forks",
          maxWorkers: Math.max(2, availableParallelism() - 1),
          sequence: { groupOrder: 1 },
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: "integration",
          include: ["test/**/*.integration.test.ts"],
          exclude: ALONE,
          // Half of their time they wait, for sessions to end and servers to start; each has servers and folders of its own.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
          ...ON_SERVERS,
        },
      },
      {
        extends: true,
        test: {
          name: "alone",
          include: ALONE,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
          ...ON_SERVERS,
        },
      },
    ],
  },
});
