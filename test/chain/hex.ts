/** Bytes as the RPC prints data: `0x` and two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex")}`;
}

/** The bytes that `0x…` data stands for. Throws `RangeError` where it is no such text. */
export function fromHex(text: string): Uint8Array {
  const bytes = Buffer.from(text.slice(2), "hex");
  if (!text.startsWith("0x") || bytes.length * 2 !== text.length - 2) {
    throw new RangeError(`${text.slice(0, 20)} is no hex data`);
  }
  return bytes;
}

/** An integer as the RPC prints it: `0x` and no leading zero. */
export function toQuantity(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** An integer that stands in RLP as big-endian bytes. */
export function toInteger(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(toHex(bytes));
}
