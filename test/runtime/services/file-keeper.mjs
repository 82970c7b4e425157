/**
 * A keeper whose server is a line in the home's `lives`. Files that a test makes there decide what becomes of it:
 * `broken`: it does not start; `dying`: it dies and is started again; `lost`: it stays down.
 */
import { appendFileSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ServiceFailed } from "../../../dist/runtime/services/errors.js";
import { keepService } from "../../../dist/runtime/services/keep.js";

const [name, home] = process.argv.slice(2);
const is = (word) => existsSync(join(home, word));
const live = (word) => appendFileSync(join(home, "lives"), `${word}\n`);

await keepService({
  name,
  home,
  start: async (onDeath) => {
    if (is("broken")) throw new ServiceFailed("Kafka", "no jars");
    live("up");
    const failed = new Promise((resolve) => {
      setInterval(() => {
        if (is("lost")) resolve(new ServiceFailed("Kafka", "died too often"));
        if (!is("dying")) return;
        rmSync(join(home, "dying"));
        onDeath({ service: "Kafka", code: 137 });
      }, 10).unref();
    });
    return { address: "127.0.0.1:9", failed, stop: async () => live("down") };
  },
});
