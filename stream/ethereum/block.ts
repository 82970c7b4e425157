import type { Address, BlockHash, TxHash } from "../block.ts";

/** A keccak-256 over bytes: 32 bytes. Handed in by the edge, so that the core stays without dependencies and workers choose the fastest. */
export type Keccak256 = (bytes: Uint8Array) => Uint8Array;

/**
 * An Ethereum block as its raw record holds it: checked whole, but read no further than every block needs, since most of it
 * touches no exchange. A name that ends in `At` is a place in `bytes`. Amounts in wei, prices in wei a gas.
 */
export interface EthereumBlock {
  /** The raw value. */
  readonly bytes: Uint8Array;
  readonly header: EthereumHeader;
  readonly transactions: readonly TransactionView[];
  readonly receipts: readonly EthereumReceipt[];
  readonly withdrawals: readonly Withdrawal[];
  /** Undefined where traces were not ingested; else one a transaction. */
  readonly traces: readonly TransactionTrace[] | undefined;
}

/** The header fields that flows read. Absent ones (older forks) are undefined. */
export interface EthereumHeader {
  readonly hash: () => BlockHash;
  readonly parent: BlockHash;
  readonly height: number;
  readonly time: number;
  readonly feeRecipient: Address;
  readonly difficulty: bigint;
  readonly baseFeePerGas: bigint | undefined;
  readonly excessBlobGas: bigint | undefined;
  /** Amsterdam's slot number: where it is there, EIP-7708 logs stand for ETH movements. */
  readonly slotNumber: bigint | undefined;
}

/** Where a transaction's parties stand, 20 bytes each; the rest is read when asked for. */
export interface TransactionView {
  readonly senderAt: number;
  /** Undefined: the transaction creates a contract. */
  readonly toAt: number | undefined;
  readonly hash: () => TxHash;
  readonly read: () => EthereumTransaction;
}

/** A transaction, with its sender. */
export interface EthereumTransaction {
  readonly type: number;
  readonly nonce: bigint;
  readonly sender: Address;
  /** Undefined: the transaction creates a contract. */
  readonly to: Address | undefined;
  readonly value: bigint;
  /** Legacy and type 1: gas price; types 2 to 4: the fee cap. */
  readonly maxFeePerGas: bigint;
  /** Legacy and type 1: gas price; types 2 to 4: the tip cap. */
  readonly maxPriorityFeePerGas: bigint;
  readonly blobCount: number;
}

/** A consensus receipt. `status` is undefined before Byzantium (a state root stands there). */
export interface EthereumReceipt {
  readonly status: 0 | 1 | undefined;
  readonly cumulativeGasUsed: bigint;
  readonly logs: readonly EthereumLog[];
}

/** Where a log's parts stand: 20 bytes of emitter, 32 bytes a topic with one before each that says so, then data. */
export interface EthereumLog {
  readonly emitterAt: number;
  readonly topicsAt: number;
  readonly topicCount: number;
  readonly dataAt: number;
  readonly dataBytes: number;
}

/** A beacon withdrawal; `amountGwei` in gwei, as the block has it. */
export interface Withdrawal {
  readonly index: bigint;
  readonly validatorIndex: bigint;
  readonly address: Address;
  readonly amountGwei: bigint;
}

/** What one transaction's trace says: whether its root frame failed, and the frames inside it that moved value, reverted ones left out. */
export interface TransactionTrace {
  readonly failed: boolean;
  readonly moves: readonly MoveView[];
}

/** Where a move's parties stand, 20 bytes each; the rest is read when asked for. */
export interface MoveView {
  readonly fromAt: number;
  readonly toAt: number;
  readonly read: () => ValueMove;
}

/** One frame that moved value inside a transaction (the root frame is the transaction itself and is not listed). */
export interface ValueMove {
  /** `CALL`, `CREATE`, `CREATE2`, `SELFDESTRUCT`. */
  readonly type: string;
  readonly from: Address;
  readonly to: Address;
  readonly value: bigint;
}
