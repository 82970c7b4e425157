import { runModule, type TestProcess } from "../../support/module.ts";

/** Runs `body` (JavaScript) on a cluster, with `where`, `open` to connect by a log and a signal, and `leave`. */
export function startProgram(
  brokers: string,
  where: { readonly group: string; readonly topic: string },
  body: string,
): TestProcess {
  return runModule(`
    import { leave } from "runtime/leave.js";
    import { openBroker } from "stream/kafka/client.js";
    const where = ${JSON.stringify(where)};
    const open = (log, signal) => openBroker({ brokers: ${JSON.stringify(brokers)}, security: {}, log, signal });
    ${body}
  `);
}
