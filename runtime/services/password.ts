import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KafkaLogin } from "./kafka-properties.ts";

/** The password of one of the home's servers, made at its first use and kept closed to all but its owner. */
export function readPassword(file: string): string {
  if (existsSync(file)) return readFileSync(file, "utf8").trim();
  const password = randomBytes(24).toString("base64url");
  writeFileSync(file, `${password}\n`, { mode: 0o600 });
  return password;
}

/** How to log in to the home's broker. Loopback is open to every user of the machine; the password's file is not. */
export function kafkaLogin(home: string) {
  const password = readPassword(join(home, "kafka.password"));
  return { mechanism: "PLAIN", username: "sluice", password } as const satisfies KafkaLogin & {
    mechanism: string;
  };
}
