declare const brand: unique symbol;
/** A value of type `T` that can't be confused with another one of the same representation. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** A block's hash as its chain prints it: `0x…` lower case, or Bitcoin's display order. */
export type BlockHash = Brand<string, "BlockHash">;
/** A transaction's hash as its chain prints it (Bitcoin: the txid). */
export type TxHash = Brand<string, "TxHash">;
/** An address as its chain's own node prints it; Ethereum's in lower case. */
export type Address = Brand<string, "Address">;
/** The name of a chain in the config: it names topics, tables and files. */
export type ChainName = Brand<string, "ChainName">;

/** What names a block. */
export interface BlockRef {
  readonly height: number;
  readonly hash: BlockHash;
}

/** What names a block, without what else is known of it. */
export function refOf({ height, hash }: BlockRef): BlockRef {
  return { height, hash };
}

/** A block's place in its chain: all that the gate ever sees of it. `time` is in Unix seconds. */
export interface BlockHeader extends BlockRef {
  readonly parent: BlockHash;
  readonly time: number;
}
