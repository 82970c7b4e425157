import { unreachable } from "../stream/unreachable.ts";
import { bitcoinKind } from "./chains/bitcoin.ts";
import { ethereumKind } from "./chains/ethereum.ts";
import type { ChainKind } from "./chains/kind.ts";
import type { ChainConfig } from "./config.ts";

/** The kind of a configured chain. */
export function chainKind(chain: ChainConfig): ChainKind {
  switch (chain.kind) {
    case "ethereum":
      return ethereumKind(chain);
    case "bitcoin":
      return bitcoinKind(chain);
    default:
      return unreachable(chain);
  }
}
