import { type Logger, pino } from "pino";
import pretty from "pino-pretty";
import { redactor } from "./redact.ts";

/** Whatever could hold a secret, wherever it stands in a log line's fields. */
const SECRET_FIELDS = ["password", "*.password", "url", "*.url", "databaseUrl", "*.databaseUrl"];

/** The log of one process, on standard error: for eyes where a terminal is there, else JSON lines. `LOG_LEVEL` sets the level. */
export function openLog(stage: string): Logger {
  const options = {
    base: { stage },
    level: process.env["LOG_LEVEL"] ?? "info",
    redact: SECRET_FIELDS,
    timestamp: pino.stdTimeFunctions.isoTime,
    hooks: { streamWrite: redactor(process.env) },
  };
  if (!process.stderr.isTTY) return pino(options, pino.destination({ dest: 2, sync: true }));
  return pino(
    options,
    pretty({ destination: 2, sync: true, ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss" }),
  );
}
