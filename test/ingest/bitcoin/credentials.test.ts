import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { credentialsFor } from "../../../ingest/bitcoin/credentials.ts";

/** Who runs as root may read everything: this error is made. */
const FORBIDDEN = ".cookie-of-another-user";
vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const readFile = async (path: string, encoding: "utf8") => {
    if (path.endsWith(FORBIDDEN)) throw Object.assign(new Error("permission denied"), { code: "EACCES" });
    return await real.readFile(path, encoding);
  };
  return { ...real, readFile };
});

const basic = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString("base64")}` });
const URL_ALONE = "http://127.0.0.1:8332";

describe("a cookie", () => {
  let folder = "";
  let file = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sluice-cookie-"));
    file = join(folder, ".cookie");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("is read once, and again for every call that was refused with another one", async () => {
    writeFileSync(file, "__cookie__:one\n");
    const credentials = credentialsFor(URL_ALONE, file);
    const sent = await credentials.headers();
    expect(sent).toEqual(basic("__cookie__:one"));
    writeFileSync(file, "__cookie__:two");
    expect(await credentials.headers()).toEqual(sent);
    // Several calls were under way when the node started anew: each is sent again with what is true now.
    const renewed = { kind: "renewed", headers: basic("__cookie__:two") };
    expect(await Promise.all([credentials.renew(sent), credentials.renew(sent)])).toEqual([renewed, renewed]);
    expect(await credentials.renew(sent)).toEqual(renewed);
    expect(await credentials.headers()).toEqual(basic("__cookie__:two"));
    expect(await credentials.renew(basic("__cookie__:two"))).toMatchObject({ kind: "same" });
  });

  it("comes when the node does: a call without one is sent again when there is one", async () => {
    const credentials = credentialsFor(URL_ALONE, file);
    const sent = await credentials.headers();
    expect(sent).toEqual({});
    expect(await credentials.renew(sent)).toMatchObject({ kind: "absent" });
    writeFileSync(file, "__cookie__:one");
    expect(await credentials.renew(sent)).toEqual({ kind: "renewed", headers: basic("__cookie__:one") });
  });

  it("that is there and can't be read is not absent: the hint names the error and what mends it", async () => {
    const hintOf = async (path: string) => {
      const credentials = credentialsFor(URL_ALONE, path);
      return await credentials.renew(await credentials.headers());
    };
    expect(await hintOf(join(folder, FORBIDDEN))).toEqual({
      kind: "unreadable",
      hint: "the cookie file can't be read (EACCES): let this user read it; the node's -rpccookieperms does that",
    });
    expect(await hintOf(folder)).toEqual({
      kind: "unreadable",
      hint: "the cookie file can't be read (EISDIR): it is a folder; name the .cookie in it, not the datadir",
    });
    symlinkSync(file, file);
    expect(await hintOf(file)).toEqual({
      kind: "unreadable",
      hint: "the cookie file can't be read (ELOOP)",
    });
  });

  it("that can be read again lets us in again", async () => {
    symlinkSync(file, file);
    const credentials = credentialsFor(URL_ALONE, file);
    expect(await credentials.renew(await credentials.headers())).toMatchObject({ kind: "unreadable" });
    rmSync(file);
    writeFileSync(file, "__cookie__:one");
    expect(await credentials.renew({})).toEqual({ kind: "renewed", headers: basic("__cookie__:one") });
  });

  it("is not asked for where the address has credentials of its own", async () => {
    writeFileSync(file, "__cookie__:one");
    const credentials = credentialsFor("http://user:p%40ss@127.0.0.1:8332", file);
    expect(await credentials.headers()).toEqual(basic("user:p@ss"));
    expect(await credentials.renew(basic("user:p@ss"))).toMatchObject({ kind: "same" });
  });
});
