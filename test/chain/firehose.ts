/** A frame as geth's `callTracer` prints it, as far as it tells of value. */
export interface GethFrame {
  readonly type: string;
  readonly from: string;
  readonly to?: string;
  readonly value?: string;
  readonly error?: string;
  readonly calls?: readonly GethFrame[];
}

/** A block's calls as Firehose lists them: flat, in order of execution, `index` from 1 within each transaction, 0 the parent of the root. */
export interface FirehoseTraces {
  readonly format: "firehose-flat";
  readonly transactions: readonly {
    readonly transactionHash: string;
    readonly calls: readonly FirehoseCall[];
  }[];
}

interface FirehoseCall {
  readonly index: number;
  readonly parent: number;
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly value: string;
  readonly failed: boolean;
  readonly reverted: boolean;
  readonly selfdestruct: boolean;
}

/** A call that geth would print in another way than we know. */
export class CallUnknown extends Error {
  override readonly name = "CallUnknown";
}

/** The root frame of each transaction. Throws `CallUnknown` on a self-destruct: its beneficiary is not in the list. */
export function framesOfFirehose(traces: FirehoseTraces): readonly GethFrame[] {
  return traces.transactions.map(({ transactionHash, calls }) => {
    const root = calls.find((call) => call.parent === 0);
    if (root === undefined) throw new CallUnknown(`${transactionHash} has no root call`);
    return frameOf(root, calls);
  });
}

function frameOf(call: FirehoseCall, all: readonly FirehoseCall[]): GethFrame {
  if (call.selfdestruct) throw new CallUnknown(`call ${call.index} destroys itself: to whom is not said`);
  const calls = all.filter((inner) => inner.parent === call.index).map((inner) => frameOf(inner, all));
  return {
    type: call.type,
    from: call.from,
    to: call.to,
    // A static call carries no value at all.
    ...(call.type === "STATICCALL" ? {} : { value: call.value }),
    ...(call.failed ? { error: call.reverted ? "execution reverted" : "out of gas" } : {}),
    ...(calls.length === 0 ? {} : { calls }),
  };
}
