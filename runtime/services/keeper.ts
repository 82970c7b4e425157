import { ServiceFailed } from "./errors.ts";
import { startKafka } from "./kafka.ts";
import { type KeepPlan, keepService } from "./keep.ts";
import { kafkaLogin } from "./password.ts";
import { startPostgres } from "./postgres.ts";

/** A process of its own, that `shareService` starts: `keeper.js kafka|postgres <home>`. */
const [name = "", home = ""] = process.argv.slice(2);
await keepService({ name, home, start: starterOf(name) });

function starterOf(service: string): KeepPlan["start"] {
  switch (service) {
    case "kafka":
      return async (onDeath) => {
        const { brokers, ...server } = await startKafka({ home, onDeath, login: kafkaLogin(home) });
        return { address: brokers, ...server };
      };
    case "postgres":
      return async (onDeath) => {
        const { url, ...server } = await startPostgres({ home, onDeath });
        return { address: url, ...server };
      };
    default:
      throw new ServiceFailed(service, "no such service");
  }
}
