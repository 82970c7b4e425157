import { keccak256 } from "../../../ingest/ethereum/keccak.ts";
import { encodeRlp, type RlpItem, uintBytes } from "../../../stream/ethereum/rlp.ts";

/** A trie node, as the yellow paper draws it: built by insertion, one key at a time, apart from the product's sorted build. */
type Node =
  | { readonly kind: "leaf"; readonly path: readonly number[]; readonly value: Uint8Array }
  | { readonly kind: "branch"; readonly children: readonly (Node | undefined)[] };

/** The root over values under the RLP of their indexes. */
export function plainRoot(values: readonly Uint8Array[]): Uint8Array {
  let root: Node | undefined;
  for (const [index, value] of values.entries()) {
    root = insert(root, nibbles(encodeRlp(uintBytes(index))), value);
  }
  return root === undefined ? keccak256(new Uint8Array([0x80])) : keccak256(encodeRlp(shape(root)));
}

function insert(node: Node | undefined, path: readonly number[], value: Uint8Array): Node {
  if (node === undefined) return { kind: "leaf", path, value };
  if (node.kind === "leaf") {
    const branch: Node = { kind: "branch", children: Array.from({ length: 16 }, () => undefined) };
    return insert(insert(branch, node.path, node.value), path, value);
  }
  const [first = 0, ...rest] = path;
  const children = [...node.children];
  children[first] = insert(children[first], rest, value);
  return { kind: "branch", children };
}

/** Branches with one child only are extensions. */
function shape(node: Node): RlpItem {
  if (node.kind === "leaf") return [hexPrefix(node.path, 2), node.value];
  const shared: number[] = [];
  let inner: Node = node;
  while (inner.kind === "branch") {
    const used: number[] = inner.children.flatMap((child, index) => (child === undefined ? [] : [index]));
    const only: number | undefined = used.length === 1 ? used[0] : undefined;
    if (only === undefined) break;
    shared.push(only);
    inner = inner.children[only] as Node;
  }
  if (inner.kind === "leaf") return [hexPrefix([...shared, ...inner.path], 2), inner.value];
  const branch = [...inner.children.map(reference), new Uint8Array(0)];
  return shared.length === 0 ? branch : [hexPrefix(shared, 0), referenceTo(branch)];
}

function reference(node: Node | undefined): RlpItem {
  return node === undefined ? new Uint8Array(0) : referenceTo(shape(node));
}

function referenceTo(item: RlpItem): RlpItem {
  const encoded = encodeRlp(item);
  return encoded.length < 32 ? item : keccak256(encoded);
}

function hexPrefix(path: readonly number[], flag: number): Uint8Array {
  const odd = path.length % 2 === 1;
  const digits = odd ? [flag + 1, ...path] : [flag, 0, ...path];
  return Uint8Array.from(
    { length: digits.length / 2 },
    (_, at) => digits[at * 2]! * 16 + digits[at * 2 + 1]!,
  );
}

function nibbles(bytes: Uint8Array): readonly number[] {
  return [...bytes].flatMap((byte) => [byte >> 4, byte & 15]);
}
