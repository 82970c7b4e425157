import type { Address } from "../block.ts";
import type { LabelBook } from "../flow/labels.ts";
import type { Evidence, Leg } from "../flow/leg.ts";
import type { FinalBlock, FlowRule } from "../flow/rule.ts";
import { BLOB_FRACTION_HEADER, mainnetBlobFraction } from "./blob.ts";
import type {
  EthereumBlock,
  EthereumLog,
  EthereumReceipt,
  EthereumTransaction,
  Keccak256,
  TransactionTrace,
  TransactionView,
} from "./block.ts";
import { addressAt, addressBytes, bigintOf } from "./bytes.ts";
import { decodeEthereumBlock } from "./decode.ts";
import { feesPaid, gasUsedOf, priorityFees } from "./fees.ts";
import { type Holders, openHolders } from "./holders.ts";
import { issuedTo, type Parties, partiesOf } from "./parties.ts";
import { encodeRlp, uintBytes } from "./rlp.ts";
import { hasEthLogs, isEthLog, transferOf, WORD_BYTES } from "./transfers.ts";

const MAINNET_CHAIN_ID = 1;
const WEI_PER_GWEI = 1_000_000_000n;
/** A contract's address is the tail of a hash (yellow paper §7, equation 88). */
const CONTRACT_ADDRESS_AT = 12;

/** A leg before it has its number. */
type Movement = Omit<Leg, "leg">;

/** What each source of legs rests on, by what ingest proved of this block. */
interface Grounds {
  readonly native: Evidence;
  readonly trace: Evidence;
  readonly log: Evidence;
  readonly withdrawal: Evidence;
  readonly reward: Evidence;
}

/** All that the sources of a block's legs look at. */
interface View {
  readonly block: EthereumBlock;
  readonly book: LabelBook;
  readonly holders: Holders;
  readonly grounds: Grounds;
  readonly keccak: Keccak256;
  /** EIP-7708: logs are the source of ETH movements. */
  readonly ethLogs: boolean;
}

/** A transaction with all that the block says about it. */
interface Executed {
  readonly transaction: TransactionView;
  readonly receipt: EthereumReceipt;
  readonly trace: TransactionTrace | undefined;
}

/**
 * The rule of account chains (DESIGN §5). Legs stand in the order of transactions, within one: native, internal in order of
 * execution, logs by index; then withdrawals, then the reward.
 * Throws `RawValueInvalid`, `RlpInvalid` and `BlobFractionMissing`.
 */
export function ethereumRule(options: { readonly chainId: number; readonly keccak: Keccak256 }): FlowRule {
  const { chainId, keccak } = options;
  const holdersAt = openHolders();
  return (final, book) => {
    const block = decodeEthereumBlock(final.value, keccak);
    const holders = holdersAt(book, final.time);
    const view = {
      block,
      book,
      holders,
      keccak,
      grounds: groundsOf(final.proofs),
      ethLogs: hasEthLogs(block),
    };
    const gasUsed = gasUsedOf(block.receipts);
    const movements = [...transactionMovements(view), ...withdrawals(view), ...reward(view, gasUsed)];
    return {
      height: final.height,
      hash: final.hash,
      time: final.time,
      watermark: final.time,
      labelVersion: book.version,
      legs: movements.map((movement, leg) => ({ ...movement, leg })),
      fees: feesPaid(block, {
        gasUsed,
        holders,
        asset: book.nativeAsset,
        fraction: blobFraction(final, chainId),
      }),
    };
  };
}

function* transactionMovements(view: View): Generator<Movement> {
  const { transactions, receipts, traces } = view.block;
  for (const [index, transaction] of transactions.entries()) {
    const receipt = receipts[index] as EthereumReceipt;
    const executed = { transaction, receipt, trace: traces?.[index] };
    if (!view.ethLogs && hasSucceeded(executed)) {
      yield* native(view, executed);
      yield* internal(view, executed);
    }
    yield* logged(view, executed);
  }
}

function* native(view: View, executed: Executed): Generator<Movement> {
  const { senderAt, toAt, hash, read } = executed.transaction;
  // What a creation creates stands nowhere in the block.
  if (toAt !== undefined && !mayTouch(view, senderAt, toAt)) return;
  const transaction = read();
  if (transaction.value === 0n) return;
  const to = transaction.to ?? createdContract(view, transaction);
  const parties = partiesOf(transaction.sender, to, view.holders.exchangeOf);
  if (parties === undefined) return;
  yield {
    ...ethOf(view, parties, transaction.value),
    txHash: hash(),
    kind: "native",
    evidence: nativeEvidence(view.grounds, executed),
  };
}

function* internal(view: View, { transaction, trace }: Executed): Generator<Movement> {
  for (const move of trace?.moves ?? []) {
    if (!mayTouch(view, move.fromAt, move.toAt)) continue;
    const { from, to, value } = move.read();
    const parties = value === 0n ? undefined : partiesOf(from, to, view.holders.exchangeOf);
    if (parties === undefined) continue;
    yield {
      ...ethOf(view, parties, value),
      txHash: transaction.hash(),
      kind: "internal",
      evidence: view.grounds.trace,
    };
  }
}

function* logged(view: View, { transaction, receipt }: Executed): Generator<Movement> {
  const { bytes } = view.block;
  for (const log of receipt.logs) {
    const transfer = transferOf(bytes, log);
    if (transfer === undefined || !mayTouch(view, transfer.fromAt, transfer.toAt)) continue;
    const source = sourceOf(view, log);
    const amount = bigintOf(bytes, transfer.amountAt, transfer.amountAt + WORD_BYTES);
    if (source === undefined || amount === 0n) continue;
    const [from, to] = [addressAt(bytes, transfer.fromAt), addressAt(bytes, transfer.toAt)];
    const parties = partiesOf(from, to, view.holders.exchangeOf);
    if (parties === undefined) continue;
    yield { ...parties, ...source, amount, txHash: transaction.hash(), evidence: view.grounds.log };
  }
}

/** Whether one of two parties may have a label: hardly any have, and to make their addresses would be most of the stage's work. */
function mayTouch({ block, holders }: View, fromAt: number, toAt: number): boolean {
  return holders.isMarked(block.bytes, fromAt) || holders.isMarked(block.bytes, toAt);
}

/** What a `Transfer` log moved: ETH by the chain's own logs (EIP-7708), else a registered token. */
function sourceOf(view: View, log: EthereumLog): Pick<Leg, "kind" | "asset"> | undefined {
  const { bytes } = view.block;
  if (isEthLog(bytes, log)) return { kind: "native", asset: view.book.nativeAsset };
  const token = view.book.assetOf(addressAt(bytes, log.emitterAt));
  return token === undefined ? undefined : { kind: "token", asset: token.asset };
}

function* withdrawals(view: View): Generator<Movement> {
  for (const { address, amountGwei } of view.block.withdrawals) {
    const parties = amountGwei === 0n ? undefined : issuedTo(address, view.holders.exchangeOf);
    if (parties === undefined) continue;
    yield {
      ...ethOf(view, parties, amountGwei * WEI_PER_GWEI),
      txHash: null,
      kind: "withdrawal",
      evidence: view.grounds.withdrawal,
    };
  }
}

function* reward(view: View, gasUsed: readonly bigint[]): Generator<Movement> {
  const parties = issuedTo(view.block.header.feeRecipient, view.holders.exchangeOf);
  if (parties === undefined) return;
  const amount = priorityFees(view.block, gasUsed);
  if (amount === 0n) return;
  yield { ...ethOf(view, parties, amount), txHash: null, kind: "reward", evidence: view.grounds.reward };
}

function ethOf(view: View, parties: Parties, amount: bigint): Parties & Pick<Leg, "asset" | "amount"> {
  return { ...parties, asset: view.book.nativeAsset, amount };
}

/** Before Byzantium the root trace decides; without one the transaction counts, unproven (DESIGN §5). */
function hasSucceeded({ receipt, trace }: Executed): boolean {
  return receipt.status === undefined ? trace?.failed !== true : receipt.status === 1;
}

function nativeEvidence(grounds: Grounds, { receipt, trace }: Executed): Evidence {
  if (receipt.status !== undefined || grounds.native === "unproven") return grounds.native;
  return trace === undefined ? "unproven" : grounds.trace;
}

/** The address of the contract that a transaction creates: the hash of its sender and nonce. */
function createdContract(view: View, { sender, nonce }: EthereumTransaction): Address {
  const hash = view.keccak(encodeRlp([addressBytes(sender), uintBytes(nonce)]));
  return addressAt(hash, CONTRACT_ADDRESS_AT);
}

function groundsOf(proofs: ReadonlySet<string>): Grounds {
  const restsOn = (evidence: Evidence, ...names: readonly string[]): Evidence =>
    names.every((name) => proofs.has(name)) ? evidence : "unproven";
  return {
    native: restsOn("block", "header", "transactions", "receipts", "senders"),
    trace: restsOn("trace", "header", "transactions", "traces"),
    log: restsOn("block", "header", "transactions", "receipts"),
    withdrawal: restsOn("block", "header", "withdrawals"),
    reward: restsOn("block", "header", "transactions", "receipts"),
  };
}

/** Main-net's fork times are known; another chain's fraction came with the record. */
function blobFraction(final: FinalBlock, chainId: number): bigint | undefined {
  const told = final.headers[BLOB_FRACTION_HEADER];
  if (told !== undefined) return BigInt(told);
  return chainId === MAINNET_CHAIN_ID ? mainnetBlobFraction(final.time) : undefined;
}
