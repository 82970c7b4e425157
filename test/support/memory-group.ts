/** A consumer group over one partition: the first member works, the others wait in line. */
export class MemoryGroup {
  /** The committed offset; survives all members. */
  offset: number | undefined;
  readonly #line: { readonly member: AbortController; readonly wake: () => void }[] = [];

  /** How many are in it, the one that works included. */
  get size(): number {
    return this.#line.length;
  }

  /** Resolves when it is `member`'s turn; rejects when `signal` aborts first. `member` is aborted when its turn ends. */
  async join(member: AbortController, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener("abort", () => {
        this.leave(member);
        reject(signal.reason as Error);
      });
      this.#line.push({ member, wake: resolve });
      if (this.#line.length === 1) resolve();
    });
  }

  leave(member: AbortController): void {
    const at = this.#line.findIndex((waiting) => waiting.member === member);
    if (at === -1) return;
    this.#line.splice(at, 1);
    member.abort();
    if (at === 0) this.#line[0]?.wake();
  }

  /** The owner's session expires, as a frozen process's does: the next in line takes over while the owner still thinks it works. */
  expire(): void {
    const owner = this.#line[0];
    if (owner !== undefined) this.leave(owner.member);
  }
}
