/** limits.ts: every limit on a packet, in one place; docs/PROTOCOL.md section 1.3 lists them with their meaning. */
import { CLOCK_MAX } from '../catalog/counters';
import { time_microseconds } from '../host';

/** Raw or stored bytes of a packet's body. */
export const PACKET_MAX: u32 = 20 * 1024 * 1024;
/** Bytes of one TEXT or BLOB value. */
export const VALUE_MAX: u32 = 16 * 1024 * 1024;
/** Raw bytes at which a producer closes a packet. */
export const PACKET_AIM: u32 = 256 * 1024;
/** Bytes of the values that one row may carry in a packet; what does not fit stays behind and is reported. */
export const ROW_MAX: u32 = 19 * 1024 * 1024;
export const SITES_MAX: u32 = 65535;
export const TABLES_MAX: u32 = 4096;
export const KEYS_MAX: u32 = 64;
export const NAME_MAX: u32 = 1024;
/** Largest causal length, and how far it may be ahead of the receiver's. */
export const CL_MAX: u64 = 1 << 40;
export const CL_STEP_MAX: i64 = 1 << 20;
/** How far a stamp may be ahead of the receiver's wall clock, in microseconds: one day. */
export const DRIFT_MAX: i64 = 86400000000;
/** 2024-01-01 in microseconds: a wall clock before it is not set, and drift cannot be judged by it. */
export const SANE_WALL_CLOCK: i64 = 1704067200000000;

/** The largest clock that a change from elsewhere may carry now. */
export function latestClock(): i64 {
  const now = time_microseconds();
  return now > SANE_WALL_CLOCK && now < CLOCK_MAX - DRIFT_MAX ? now + DRIFT_MAX : CLOCK_MAX;
}

/** The tag that begins a row. */
export const TAG_COLUMNS_NONE: u32 = 0;
export const TAG_COLUMNS_ALL: u32 = 1;
export const TAG_COLUMNS_SOME: u32 = 2;
export const TAG_COLUMNS_MASK: u32 = 3;
export const TAG_STAMP_PER_COLUMN: u32 = 4;
export const TAG_CAUSAL_LENGTH: u32 = 8;
export const TAG_SITE: u32 = 16;
export const TAG_DELETED: u32 = 32;
export const TAG_BASES: u32 = 64;
export const TAG_MAX: u64 = 127;
