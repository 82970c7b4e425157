import { execFile } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { ServiceFailed } from "./errors.ts";
import type { Death } from "./notice.ts";
import { readPassword } from "./password.ts";
import { freePort } from "./port.ts";
import { postgresPrograms, serverFolder, serverUser } from "./postgres-files.ts";
import { runService } from "./service.ts";
import { endOrphan, type OsUser, startTethered } from "./tether.ts";

/** An embedded Postgres server that answers; `url` holds the password of its one user. */
export interface PostgresService {
  readonly url: string;
  /** Resolves when it stays down although nobody stopped it. */
  readonly failed: Promise<ServiceFailed>;
  stop(): Promise<void>;
}

const USER = "sluice";
const DATABASE = "sluice";
const PROBE_TIMEOUT_MS = 2000;

/**
 * Starts Postgres as a child process on the data in `<home>/postgres`, and keeps it up until `stop`.
 * It listens on loopback only, asks for a password by SCRAM, and ends with this process, however that ends. Throws `ServiceFailed`.
 */
export async function startPostgres(options: {
  readonly home: string;
  /** Told of each death after which it is started again. */
  readonly onDeath?: (death: Death) => void;
}): Promise<PostgresService> {
  const user = serverUser();
  const home = resolve(options.home);
  const server = openServer(home, user);
  const password = readPassword(join(home, "postgres.password"));
  await endOrphan(server.pid, server.data);
  if (!existsSync(server.data)) await initialize(server, password);
  const port = await freePort("Postgres", lastPort(server));
  writePort(server, port);
  const url = `postgres://${USER}:${password}@127.0.0.1:${port}/${DATABASE}`;
  const service = await runService({
    name: "Postgres",
    onDeath: options.onDeath,
    output: server.output,
    passing: /pre-existing shared memory block/,
    probe: () => probe(url),
    launch: () =>
      startTethered({
        command: [join(server.programs, "postgres"), "-D", server.data, ...flags(port)],
        stopSignal: "INT",
        pidFile: server.pid,
        output: server.output,
        user,
        env: SERVER_ENVIRONMENT,
      }),
  });
  return { url, ...service };
}

interface Server {
  readonly programs: string;
  readonly folder: string;
  readonly data: string;
  readonly output: string;
  readonly pid: string;
  readonly port: string;
  readonly user: OsUser | undefined;
}

/** Neither our secrets nor a broken locale of ours concern the server. */
const SERVER_ENVIRONMENT = { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C" };

function openServer(home: string, user: OsUser | undefined): Server {
  const folder = serverFolder(home, user);
  return {
    programs: postgresPrograms(user),
    folder,
    user,
    data: join(folder, "data"),
    output: join(folder, "output.txt"),
    pid: join(folder, "server.pid"),
    port: join(folder, "server.port"),
  };
}

function flags(port: number): readonly string[] {
  const settings = {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: 100,
    shared_buffers: "64MB",
    max_wal_size: "1GB",
    log_min_messages: "warning",
    timezone: "UTC",
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/** Makes the data folder beside its place and renames it, so that a start that was killed leaves no half of one. */
async function initialize(server: Server, password: string): Promise<void> {
  const staging = `${server.data}.new`;
  const passwordFile = join(server.folder, "initdb.password");
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (server.user !== undefined) {
    for (const path of [staging, passwordFile]) chownSync(path, server.user.uid, server.user.gid);
  }
  try {
    const secret = ["--auth=scram-sha-256", `--pwfile=${passwordFile}`, `--username=${USER}`];
    await run(server, "initdb", [
      `--pgdata=${staging}`,
      "--no-locale",
      "--encoding=UTF8",
      "--data-checksums",
      "--no-sync",
      ...secret,
    ]);
    await run(server, "postgres", ["--single", "-D", staging, "postgres"], `create database ${DATABASE};\n`);
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(staging, server.data);
}

async function run(server: Server, program: string, args: readonly string[], input = ""): Promise<void> {
  const { user } = server;
  const identity = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  try {
    const running = promisify(execFile)(join(server.programs, program), [...args], {
      cwd: "/",
      env: SERVER_ENVIRONMENT,
      ...identity,
    });
    running.child.stdin?.end(input);
    await running;
  } catch (cause) {
    const { stderr, message } = cause as { stderr?: string; message: string };
    throw new ServiceFailed("Postgres", `${program} failed: ${stderr?.trim() || message}`, { cause });
  }
}

function lastPort(server: Server): number | undefined {
  const port = existsSync(server.port) ? Number(readFileSync(server.port, "utf8")) : Number.NaN;
  return Number.isInteger(port) ? port : undefined;
}

function writePort(server: Server, port: number): void {
  writeFileSync(server.port, String(port));
}

async function probe(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: PROBE_TIMEOUT_MS });
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("select 1");
  } finally {
    await client.end();
  }
}
