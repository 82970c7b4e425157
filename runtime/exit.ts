/** The command line asks for something that isn't there. */
export class InvalidUsage extends Error {
  override readonly name = "InvalidUsage";
}

/** What the process's exit code says (DESIGN §6). */
export const EXIT = { done: 0, bug: 1, usage: 2, halted: 3, unreachable: 4, unproven: 5 } as const;

/**
 * The exit code of each class of error, by its name: the classes live beside the code that throws them,
 * and importing them here would load every stage's code into every process. None of these is a bug: its message is enough.
 */
export const EXIT_CODES: ReadonlyMap<string, number> = new Map([
  ["InvalidUsage", EXIT.usage],
  ["ConfigInvalid", EXIT.usage],
  ["CatalogInvalid", EXIT.usage],
  ["TopicMisconfigured", EXIT.usage],
  ["DatabaseUrlInvalid", EXIT.usage],
  ["ChainKindChanged", EXIT.usage],
  ["BlobScheduleUnknown", EXIT.usage],
  ["UntilBelowBeginning", EXIT.usage],
  ["MigrationChanged", EXIT.usage],
  ["MigrationFailed", EXIT.usage],
  ["QueryFailed", EXIT.usage],
  ["DayNotComplete", EXIT.usage],
  ["AssetUnknown", EXIT.usage],
  ["RewindImpossible", EXIT.usage],
  ["StagesRunning", EXIT.usage],
  ["FinalityViolation", EXIT.halted],
  ["AnnouncementGap", EXIT.halted],
  ["OffsetOutOfRange", EXIT.halted],
  ["OffsetMoved", EXIT.halted],
  ["TopicEmptied", EXIT.halted],
  ["OrderBroken", EXIT.halted],
  ["DayClosed", EXIT.halted],
  ["NodesUnreachable", EXIT.unreachable],
  ["BrokerUnreachable", EXIT.unreachable],
  ["DatabaseUnreachable", EXIT.unreachable],
  ["LakeUnwritable", EXIT.unreachable],
  ["ServiceFailed", EXIT.unreachable],
  ["ProofFailed", EXIT.unproven],
  // Postgres and the lake part: that must not be, and its message says where.
  ["StoresDiffer", EXIT.bug],
  ["DayUnreadable", EXIT.bug],
  // A newer copy works: this one leaves, and where a supervisor starts it again it stands by.
  ["Fenced", EXIT.bug],
  // The next start finds out.
  ["CommitInDoubt", EXIT.bug],
  // The next start makes it anew, and finds whether its records are missed.
  ["TopicMissing", EXIT.bug],
]);

/** The exit code that an error ends the process with; anything unforeseen is a bug. */
export function exitCodeOf(error: unknown): number {
  return (error instanceof Error ? EXIT_CODES.get(error.name) : undefined) ?? EXIT.bug;
}

/** Codes 2 to 5 say why a stage can't go on; a restart would only say it again. */
export function isVerdict(code: number): boolean {
  return code >= EXIT.usage && code <= EXIT.unproven;
}

/** Whether nobody foresaw this error, so that only its stack can tell more. */
export function isUnforeseen(error: unknown): boolean {
  return !(error instanceof Error) || !EXIT_CODES.has(error.name);
}
