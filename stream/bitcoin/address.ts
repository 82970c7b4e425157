import type { Address } from "../block.ts";
import type { AddressForm } from "../flow/rule.ts";
import { unreachable } from "../unreachable.ts";
import { decodeBase58Check, encodeBase58Check } from "./base58.ts";
import { decodeSegwit, encodeSegwit } from "./bech32.ts";
import type { Sha256 } from "./block.ts";
import { ADDRESS_PREFIXES, type BitcoinNetwork } from "./network.ts";
import {
  HASH_BYTES,
  pubkeyHashScript,
  scriptHashScript,
  templateOf,
  witnessProgram,
  witnessScript,
} from "./script.ts";

/**
 * A network's address form: Base58Check of its own versions, Bech32 for witness version 0 and Bech32m for 1 to 16, in either
 * case but not in both; printed as Bitcoin Core prints it.
 */
export function bitcoinAddress(network: BitcoinNetwork, sha256: Sha256): AddressForm {
  return (text) => {
    const script = scriptOf(text, network, sha256);
    return script === undefined ? undefined : addressOf(script, network, sha256);
  };
}

/** The canonical scriptPubKey that an address stands for; undefined where the network's node refuses the address. */
export function scriptOf(text: string, network: BitcoinNetwork, sha256: Sha256): Uint8Array | undefined {
  const prefixes = ADDRESS_PREFIXES[network];
  const witness = decodeSegwit(prefixes.segwit, text);
  if (witness !== undefined) return witnessScript(witness);
  const payload = decodeBase58Check(text, sha256);
  if (payload?.length !== 1 + HASH_BYTES) return undefined;
  const hash = payload.subarray(1);
  switch (payload[0]) {
    case prefixes.pubkeyHash:
      return pubkeyHashScript(hash);
    case prefixes.scriptHash:
      return scriptHashScript(hash);
    default:
      return undefined;
  }
}

/** The address of a canonical script as Bitcoin Core prints it; undefined: it has none, or is a bare public key's. */
export function addressOf(script: Uint8Array, network: BitcoinNetwork, sha256: Sha256): Address | undefined {
  const prefixes = ADDRESS_PREFIXES[network];
  const template = templateOf(script, { scriptAt: 0, scriptEnd: script.length });
  switch (template) {
    case "pubkeyHash":
      return base58Address(prefixes.pubkeyHash, script.subarray(3, 3 + HASH_BYTES), sha256);
    case "scriptHash":
      return base58Address(prefixes.scriptHash, script.subarray(2, 2 + HASH_BYTES), sha256);
    case "witness":
      return encodeSegwit(prefixes.segwit, witnessProgram(script)) as Address;
    case "pubkey":
    case undefined:
      return undefined;
    default:
      return unreachable(template);
  }
}

function base58Address(version: number, hash: Uint8Array, sha256: Sha256): Address {
  const payload = new Uint8Array(1 + HASH_BYTES);
  payload[0] = version;
  payload.set(hash, 1);
  return encodeBase58Check(payload, sha256) as Address;
}
