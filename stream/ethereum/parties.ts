import type { Address } from "../block.ts";
import type { FlowType, Leg } from "../flow/leg.ts";

/** The exchange that holds an address at the block's time, or null. */
export type Holder = (address: Address) => string | null;

/** Both ends of a leg, and which way it flowed. */
export type Parties = Pick<Leg, "flowType" | "fromExchange" | "toExchange" | "fromAddress" | "toAddress">;

/** Where tokens come from when they are minted, and go when they are burnt (ERC-20). */
const ZERO_ADDRESS = `0x${"0".repeat(40)}` as Address;

/** The ends of a movement between two addresses; undefined where it is no leg: no labelled side, or from = to (DESIGN §5). */
export function partiesOf(fromAddress: Address, toAddress: Address, holder: Holder): Parties | undefined {
  if (fromAddress === toAddress) return undefined;
  const fromExchange = fromAddress === ZERO_ADDRESS ? null : holder(fromAddress);
  const toExchange = toAddress === ZERO_ADDRESS ? null : holder(toAddress);
  if (fromExchange === null && toExchange === null) return undefined;
  const flowType = flowTypeOf({ fromAddress, toAddress, fromExchange, toExchange });
  return { flowType, fromExchange, toExchange, fromAddress, toAddress };
}

/** The ends of what the chain itself pays out (withdrawals, rewards): nobody's outflow; undefined where it is no leg. */
export function issuedTo(toAddress: Address, holder: Holder): Parties | undefined {
  const toExchange = toAddress === ZERO_ADDRESS ? null : holder(toAddress);
  if (toExchange === null) return undefined;
  return { flowType: "issued", fromExchange: null, toExchange, fromAddress: null, toAddress };
}

function flowTypeOf(ends: {
  fromAddress: Address;
  toAddress: Address;
  fromExchange: string | null;
  toExchange: string | null;
}): FlowType {
  if (ends.fromAddress === ZERO_ADDRESS) return "issued";
  if (ends.toAddress === ZERO_ADDRESS) return "redeemed";
  if (ends.fromExchange === null) return "inflow";
  if (ends.toExchange === null) return "outflow";
  return ends.fromExchange === ends.toExchange ? "intra" : "inter";
}
