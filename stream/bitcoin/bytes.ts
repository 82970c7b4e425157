const DIGITS: readonly number[] = Array.from("0123456789abcdef", (digit) => digit.charCodeAt(0));

/** A hash as Bitcoin prints it: lower-case hex, last byte first. */
export function displayHash(bytes: Uint8Array): string {
  const codes: number[] = [];
  for (let index = bytes.length - 1; index >= 0; index -= 1) {
    const byte = bytes[index] as number;
    codes.push(DIGITS[byte >> 4] as number, DIGITS[byte & 15] as number);
  }
  return String.fromCharCode.apply(undefined, codes);
}
