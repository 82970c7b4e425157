/** Ends a switch that is closed: the compiler refuses a case that was forgotten. */
export function unreachable(value: never): never {
  throw new Error(`unforeseen case: ${JSON.stringify(value)}`);
}
