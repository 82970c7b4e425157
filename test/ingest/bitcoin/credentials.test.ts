import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { credentialsFor } from "../../../ingest/bitcoin/credentials.ts";

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

  it("is not asked for where the address has credentials of its own", async () => {
    writeFileSync(file, "__cookie__:one");
    const credentials = credentialsFor("http://user:p%40ss@127.0.0.1:8332", file);
    expect(await credentials.headers()).toEqual(basic("user:p@ss"));
    expect(await credentials.renew(basic("user:p@ss"))).toMatchObject({ kind: "same" });
  });
});
