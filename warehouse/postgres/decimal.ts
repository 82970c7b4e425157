/** Exact decimals as text, as Postgres prints numerics: `-12.3400`. */

interface Decimal {
  /** The value without its point: value = units / 10^scale. */
  readonly units: bigint;
  readonly scale: number;
}

/** `text` with `digits` decimals, half to even, and commas between thousands. */
export function printRounded(text: string, digits: number): string {
  const { units, scale } = parse(text);
  const rounded = divideHalfEven(units * 10n ** BigInt(digits), 10n ** BigInt(scale));
  return print(rounded, digits);
}

/** The change from `before` to `now` as a percentage with sign and two decimals (half to even); undefined when `before` is zero. */
export function printChange(now: string, before: string): string | undefined {
  const [a, b] = [parse(now), parse(before)];
  if (b.units === 0n) return undefined;
  const present = a.units * 10n ** BigInt(b.scale);
  const previous = b.units * 10n ** BigInt(a.scale);
  const hundredths = divideHalfEven((present - previous) * 10_000n, previous);
  return `${hundredths < 0n ? "" : "+"}${print(hundredths, 2)}%`;
}

function parse(text: string): Decimal {
  const [whole = "", fraction = ""] = text.split(".");
  return { units: BigInt(whole + fraction), scale: fraction.length };
}

/** Rounds a quotient to the nearest integer, a half to the even one; `divisor` is positive. */
function divideHalfEven(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  const twice = 2n * magnitude(dividend % divisor);
  if (twice < divisor || (twice === divisor && quotient % 2n === 0n)) return quotient;
  return dividend < 0n ? quotient - 1n : quotient + 1n;
}

function print(units: bigint, scale: number): string {
  const digits = magnitude(units)
    .toString()
    .padStart(scale + 1, "0");
  const whole = digits.slice(0, digits.length - scale).replace(/\B(?=(\d{3})+$)/g, ",");
  const fraction = digits.slice(digits.length - scale);
  return `${units < 0n ? "-" : ""}${fraction === "" ? whole : `${whole}.${fraction}`}`;
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}
