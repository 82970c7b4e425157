import { createHash } from "node:crypto";

/** SHA-256 twice. */
export function sha256d(bytes: Uint8Array): Buffer {
  return sha256(sha256(bytes));
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** A hash in display order: last byte first. */
export function shown(hash: Uint8Array): string {
  return Buffer.from(hash).reverse().toString("hex");
}

/** The bytes of a hash in display order. */
export function hidden(hash: string): Buffer {
  return Buffer.from(hash, "hex").reverse();
}

/** A count as Bitcoin serializes it. */
export function compactSize(count: number): Buffer {
  if (count < 0xfd) return Buffer.of(count);
  const bytes = Buffer.alloc(count <= 0xffff ? 3 : 5);
  if (count <= 0xffff) bytes.writeUInt16LE(count, bytes.writeUInt8(0xfd));
  else bytes.writeUInt32LE(count, bytes.writeUInt8(0xfe));
  return bytes;
}

/** Four bytes, least first. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

/** An output: satoshi and script. */
export interface Output {
  readonly value: bigint;
  readonly script: Uint8Array;
}

/** Bytes with their length before them. */
export function counted(bytes: Uint8Array): Buffer {
  return Buffer.concat([compactSize(bytes.length), bytes]);
}

/** An output as Bitcoin serializes it. */
export function outputBytes({ value, script }: Output): Buffer {
  const amount = Buffer.alloc(8);
  amount.writeBigUInt64LE(value);
  return Buffer.concat([amount, counted(script)]);
}

/** Spent outputs by transaction, as `/rest/spenttxouts` sends them. */
export function spentBytes(spent: readonly (readonly Output[])[]): Buffer {
  const lists = spent.map((outputs) =>
    Buffer.concat([compactSize(outputs.length), ...outputs.map(outputBytes)]),
  );
  return Buffer.concat([compactSize(spent.length), ...lists]);
}

/** A Merkle root in the plainest way. */
export function plainRoot(hashes: readonly Uint8Array[]): Buffer {
  if (hashes.length <= 1) return Buffer.from(hashes[0] ?? Buffer.alloc(32));
  const parents: Buffer[] = [];
  for (let index = 0; index < hashes.length; index += 2) {
    const left = hashes[index] ?? Buffer.alloc(32);
    parents.push(sha256d(Buffer.concat([left, hashes[index + 1] ?? left])));
  }
  return plainRoot(parents);
}

/** The hashes beside the first leaf on its way to the root: with them the root follows from that leaf alone. */
export function branchOfFirst(hashes: readonly Uint8Array[]): readonly Uint8Array[] {
  const branch: Uint8Array[] = [];
  let level = hashes;
  while (level.length > 1) {
    branch.push(level[1] ?? Buffer.alloc(32));
    const parents: Uint8Array[] = [Buffer.alloc(32)];
    for (let index = 2; index < level.length; index += 2) {
      const left = level[index] ?? Buffer.alloc(32);
      parents.push(sha256d(Buffer.concat([left, level[index + 1] ?? left])));
    }
    level = parents;
  }
  return branch;
}

/** The root above `first` by the branch beside it. */
export function rootAbove(first: Uint8Array, branch: readonly Uint8Array[]): Buffer {
  return branch.reduce<Buffer>((root, beside) => sha256d(Buffer.concat([root, beside])), Buffer.from(first));
}
