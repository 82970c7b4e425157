import type { BlockHash, BlockHeader, BlockRef } from "../block.ts";
import type { Announcement } from "../finality.ts";
import { RecordInvalid } from "../flow/json.ts";
import type { KafkaRecord } from "./broker.ts";

/** The header of a raw record that names what the node called finalized; final records don't have it. */
export const FINALIZED_HEADER = "finalized";

/** The header of a final record that says at which offset of raw the gate goes on behind it: all that led to it stands below. */
export const RAW_NEXT_HEADER = "raw-next";

/** A block's place in its chain, from the headers of its raw or final record. Throws `RecordInvalid`. */
export function blockHeaderOf(record: KafkaRecord): BlockHeader {
  return {
    height: count(record, "height", text(record, "height")),
    hash: text(record, "hash") as BlockHash,
    parent: text(record, "parent") as BlockHash,
    time: count(record, "time", text(record, "time")),
  };
}

/** A raw record as the gate sees it. Throws `RecordInvalid`. */
export function announcementOf(record: KafkaRecord): Announcement {
  return { ...blockHeaderOf(record), offset: record.offset, finalized: finalizedOf(record) };
}

/** At which offset of raw the gate goes on behind a final record; undefined: one of an older Sluice does not say. Throws `RecordInvalid`. */
export function rawNextOf(record: KafkaRecord): number | undefined {
  const value = record.headers[RAW_NEXT_HEADER];
  return value === undefined ? undefined : count(record, RAW_NEXT_HEADER, value);
}

/** The bytes of a record that must have some. Throws `RecordInvalid`. */
export function bytesOf(record: KafkaRecord): Uint8Array {
  if (record.value === null) throw invalid(record, "has no value");
  return record.value;
}

/** The text of a record that must have some. Throws `RecordInvalid`. */
export function textOf(record: KafkaRecord): string {
  const { buffer, byteOffset, byteLength } = bytesOf(record);
  return Buffer.from(buffer, byteOffset, byteLength).toString("utf8");
}

/** `height:hash`, or absent. */
function finalizedOf(record: KafkaRecord): BlockRef | undefined {
  const named = record.headers[FINALIZED_HEADER];
  if (named === undefined) return undefined;
  const colon = named.indexOf(":");
  if (colon < 1) throw invalid(record, `has the header ${FINALIZED_HEADER} without height and hash`);
  return {
    height: count(record, FINALIZED_HEADER, named.slice(0, colon)),
    hash: named.slice(colon + 1) as BlockHash,
  };
}

function text(record: KafkaRecord, name: string): string {
  const value = record.headers[name];
  if (value === undefined || value === "") throw invalid(record, `has no header ${name}`);
  return value;
}

function count(record: KafkaRecord, name: string, digits: string): number {
  const value = Number(digits);
  if (!/^\d+$/.test(digits) || !Number.isSafeInteger(value)) {
    throw invalid(record, `has a header ${name} that is no whole number`);
  }
  return value;
}

function invalid(record: KafkaRecord, what: string): RecordInvalid {
  return new RecordInvalid(`the record at offset ${record.offset} of ${record.topic} ${what}`);
}
