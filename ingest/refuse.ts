/** A proof that a node's answer does not hold; a chain's provers return it as their outcome. */
export class Refusal<Proof extends string> extends Error {
  override readonly name = "ProofRefused";
  readonly proof: Proof;
  readonly reason: string;
  /** Whether waiving the proof lets the answer pass: no waiver lets one pass that has not the form of a block. */
  readonly waivable: boolean;
  constructor(proof: Proof, reason: string, waivable = false) {
    super(`${proof}: ${reason}`);
    this.proof = proof;
    this.reason = reason;
    this.waivable = waivable;
  }
}

/** As an outcome tells it. */
export interface Refused<Proof extends string> {
  readonly kind: "refused";
  readonly proof: Proof;
  readonly reason: string;
  readonly waivable: boolean;
}

/** The outcome that a refusal is. */
export function refusedBy<Proof extends string>({ proof, reason, waivable }: Refusal<Proof>): Refused<Proof> {
  return { kind: "refused", proof, reason, waivable };
}

/** How the provers of one chain refuse, by the names of its proofs. */
export interface Refusals<Proof extends string> {
  /** Refuses by `proof`, which may be waived, unless `holds`. */
  readonly demand: (holds: boolean, proof: Proof, reason: () => string) => void;
  /** Refuses by `proof` unless `holds`, whatever is waived. */
  readonly demandAlways: (holds: boolean, proof: Proof, reason: () => string) => void;
  /** Reads a part of an answer; what can't be read is charged to `proof`. */
  readonly readFor: <T>(proof: Proof, read: () => T) => T;
  /** Reads what nobody looks at where `proof` is waived. */
  readonly readToProve: <T>(proof: Proof, read: () => T) => T;
}

/** Refusals that throw `ProofRefused`. `isMalformed`: of an error, whether it says that what was read has not its form. */
export function refusalsBy<Proof extends string>(
  ProofRefused: new (proof: Proof, reason: string, waivable: boolean) => Refusal<Proof>,
  isMalformed: (cause: unknown) => cause is Error,
): Refusals<Proof> {
  const demander = (waivable: boolean): Refusals<Proof>["demand"] => {
    return (holds, proof, reason) => {
      if (!holds) throw new ProofRefused(proof, reason(), waivable);
    };
  };
  const reader = (waivable: boolean): Refusals<Proof>["readFor"] => {
    return (proof, read) => {
      try {
        return read();
      } catch (cause) {
        throw isMalformed(cause) ? new ProofRefused(proof, cause.message, waivable) : cause;
      }
    };
  };
  return {
    demand: demander(true),
    demandAlways: demander(false),
    readFor: reader(false),
    readToProve: reader(true),
  };
}
