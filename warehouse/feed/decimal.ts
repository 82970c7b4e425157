/** Exact decimals by integer arithmetic alone. */

/** Text that is no exact decimal of so many places. */
export class DecimalInvalid extends Error {
  override readonly name = "DecimalInvalid";
}

/** `amount` base units as whole units: all digits that count, no exponent, no trailing zeros, no `-0`. */
export function toDecimal(amount: bigint, decimals: number): string {
  const digits = String(amount < 0n ? -amount : amount).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, "");
  return `${amount < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

/** Reads what `toDecimal` writes. Throws `DecimalInvalid`. */
export function fromDecimal(text: string, decimals: number): bigint {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  const fraction = match?.[3] ?? "";
  if (match === null || fraction.length > decimals) {
    throw new DecimalInvalid(`${text} is no decimal of at most ${decimals} places`);
  }
  const amount = BigInt(`${match[2]}${fraction.padEnd(decimals, "0")}`);
  return match[1] === "-" ? -amount : amount;
}
