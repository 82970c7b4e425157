import type { SimProcess } from "./process.ts";

/** A membership in a consumer group, as the cluster sees it. */
export interface Member {
  readonly process: SimProcess;
  /** The process is told that the partition is its own. */
  readonly assigned: () => void;
  /** The process is told that it is not any more; a frozen one hears of it when it is awake. */
  readonly revoked: () => void;
}

/** A consumer group over one partition: the first in line owns it, the others stand by. */
export class SimGroup {
  /** The committed offset; outlives all members. */
  offset: number | undefined;
  readonly #line: Member[] = [];

  join(member: Member): void {
    this.#line.push(member);
    if (this.#line[0] === member) member.assigned();
  }

  /** Whether the cluster takes `member`'s word: a member that was expelled has another generation. */
  owns(member: Member): boolean {
    return this.#line[0] === member;
  }

  /** Whether it has members, of whatever life. */
  get isAlive(): boolean {
    return this.#line.length > 0;
  }

  has(member: Member): boolean {
    return this.#line.includes(member);
  }

  /** Leaves, or is expelled. */
  leave(member: Member): void {
    const at = this.#line.indexOf(member);
    if (at === -1) return;
    this.#line.splice(at, 1);
    member.revoked();
    if (at === 0) this.#line[0]?.assigned();
  }
}
