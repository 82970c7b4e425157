import type { BlockHeader, ChainName } from "../../stream/block.ts";
import type { BlockFlows, HourlyFlow } from "../../stream/flow/leg.ts";
import { blockFields, type Field, hourlyFields, legFields } from "../rows.ts";

/** Rows as lines of CSV; an empty field is null (no column of ours holds empty text). */

/** The line of a final block in `blocks`. */
export function blockLine(chain: ChainName, block: BlockHeader): string {
  return csvLine(blockFields(chain, block, "final"));
}

/** The lines of a block's legs in `flow_legs`, in the order of `leg`. */
export function legLines(chain: ChainName, flows: BlockFlows): readonly string[] {
  return legFields(chain, flows).map(csvLine);
}

/** The line of an hour in `exchange_flows_hourly`. */
export function hourlyLine(chain: ChainName, row: HourlyFlow): string {
  return csvLine(hourlyFields(chain, row));
}

function csvLine(fields: readonly Field[]): string {
  return `${fields.map((field) => (field === null ? "" : csvField(String(field)))).join()}\n`;
}

/** RFC 4180: quoted where it must be. */
export function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
