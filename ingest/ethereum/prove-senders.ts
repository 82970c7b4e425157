import { RlpInvalid } from "../../stream/ethereum/rlp.ts";
import { hexOf, sameBytes } from "./hex.ts";
import { keccak256 } from "./keccak.ts";
import { demand, ProofRefused } from "./refuse.ts";
import { recoverSender, SignatureInvalid, type SigningRules } from "./senders.ts";

/** Bytes of an address. */
export const ADDRESS_BYTES = 20;

/** The sender of a transaction as somebody names it, by its index; undefined: nobody does. */
export type Claimed = (index: number) => Uint8Array | undefined;

/** The senders of a block's transactions, 20 bytes each, recovered from their signatures and equal to those claimed. Throws `ProofRefused`. */
export function proveSenders(
  transactions: readonly Uint8Array[],
  rules: Omit<SigningRules, "keccak">,
  claimed: Claimed,
): Uint8Array {
  const senders = new Uint8Array(transactions.length * ADDRESS_BYTES);
  const signing = { ...rules, keccak: keccak256 };
  for (const [index, transaction] of transactions.entries()) {
    const sender = recover(transaction, index, signing);
    const claim = claimed(index);
    demand(
      claim === undefined || sameBytes(sender, claim),
      "senders",
      () => `transaction ${index} is signed by ${hexOf(sender)}, not by ${hexOf(claim ?? sender)}`,
    );
    senders.set(sender, index * ADDRESS_BYTES);
  }
  return senders;
}

/** The senders as they are claimed, one and all. Throws `ProofRefused`. */
export function claimedSenders(count: number, claimed: Claimed): Uint8Array {
  const senders = new Uint8Array(count * ADDRESS_BYTES);
  for (let index = 0; index < count; index += 1) {
    senders.set(claimed(index) ?? new Uint8Array(ADDRESS_BYTES), index * ADDRESS_BYTES);
  }
  return senders;
}

/** One sender of the concatenated ones. */
export function senderAt(senders: Uint8Array, index: number): Uint8Array {
  return senders.subarray(index * ADDRESS_BYTES, (index + 1) * ADDRESS_BYTES);
}

function recover(transaction: Uint8Array, index: number, rules: SigningRules): Uint8Array {
  try {
    return recoverSender(transaction, rules);
  } catch (cause) {
    if (!(cause instanceof SignatureInvalid || cause instanceof RlpInvalid)) throw cause;
    const reason = `the signature of transaction ${index} is not valid: ${cause.message}`;
    throw new ProofRefused("senders", reason, true);
  }
}
