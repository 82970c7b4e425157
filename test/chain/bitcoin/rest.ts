import { distortBytes, type Lie } from "./lies.ts";
import { blockOf, type Desk } from "./methods.ts";

/** An HTTP answer. */
export interface RestReply {
  readonly status: number;
  readonly body: Buffer;
  readonly type: string;
}

/** The first version that offers `/rest/spenttxouts`. */
const SPENT_VERSION = 300_000;

/** Answers a request below `/rest/` as Bitcoin Core does; `lieOf` says which lie is told of a height. */
export function answerRest(desk: Desk, path: string, lieOf: (height: number) => Lie | undefined): RestReply {
  const [, kind, hash] = /^\/rest\/(block|spenttxouts)\/([0-9a-f]{64})\.bin$/.exec(path) ?? [];
  if (kind === undefined || hash === undefined) return text(404, "");
  if (kind === "spenttxouts" && desk.version < SPENT_VERSION) return text(404, "");
  if (desk.warmingUp !== undefined) return text(503, `Service temporarily unavailable: ${desk.warmingUp}`);
  const found = blockOf(desk, hash);
  if (found === undefined) return text(404, `${hash} not found`);
  const pruned = found.height < desk.pruneHeight;
  if (kind === "block" && pruned) return text(404, `${hash} not available (pruned data)`);
  const hasUndo = found.height === 0 || !(pruned || desk.side.has(hash));
  if (kind === "spenttxouts" && !hasUndo) return text(404, `${hash} undo not available`);
  const bytes = distortBytes(lieOf(found.height), found);
  return {
    status: 200,
    type: "application/octet-stream",
    body: kind === "block" ? bytes.block : bytes.spent,
  };
}

function text(status: number, words: string): RestReply {
  return { status, type: "text/plain", body: Buffer.from(words === "" ? "" : `${words}\r\n`) };
}
