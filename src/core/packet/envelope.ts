/**
 * envelope.ts: the 24 bytes around a packet's body, with compression and checksum; docs/PROTOCOL.md section 1.1.
 */
import { lz4Bound, lz4Compress, lz4Decompress } from '../bytes/lz4';
import { Slice } from '../bytes/slice';
import { xxh64 } from '../bytes/xxh64';
import { arenaAllocate } from '../runtime/arena';
import { failWith } from '../sql/failure';
import { PACKET_MAX } from './limits';

export const HEADER_SIZE: u32 = 24;

/** "CSP" and the format version 1 as one little-endian number. */
const MAGIC: u32 = 0x01505343;
const FLAG_LZ4: u32 = 1;

/** Puts a body into its envelope. The packet lies in the arena. */
export function seal(body: Slice): Slice {
  const packet = arenaAllocate(HEADER_SIZE + lz4Bound(body.size));
  let stored = lz4Compress(body.pointer, body.size, packet + HEADER_SIZE);
  const compressed = stored < body.size;
  if (!compressed) {
    memory.copy(packet + HEADER_SIZE, body.pointer, body.size);
    stored = body.size;
  }
  store<u32>(packet, MAGIC);
  store<u32>(packet + 4, compressed ? FLAG_LZ4 : 0);
  store<u32>(packet + 8, body.size);
  store<u32>(packet + 12, stored);
  store<u64>(packet + 16, xxh64(packet + HEADER_SIZE, stored, load<u64>(packet + 8)));
  return new Slice(packet, HEADER_SIZE + stored);
}

/** The stored size that a header announces, after the header has been checked; 0 after a failure. */
export function storedSize(header: usize): u32 {
  if (load<u32>(header) != MAGIC) {
    if ((load<u32>(header) & 0xffffff) == (MAGIC & 0xffffff)) {
      failWith('the packet has a newer format than this extension knows; update the extension');
    } else {
      failWith('this is not a cloudsync packet');
    }
    return 0;
  }
  const flags = load<u32>(header + 4);
  const raw = load<u32>(header + 8);
  const stored = load<u32>(header + 12);
  const consistent = flags == FLAG_LZ4 ? stored < raw : flags == 0 && stored == raw;
  if (!consistent || stored == 0 || raw > PACKET_MAX) {
    failWith('the packet is damaged (header)');
    return 0;
  }
  return stored;
}

/** True when the bytes are one whole packet by their header; else with a failure. */
function isWhole(packet: Slice): bool {
  if (packet.size < HEADER_SIZE) return failWith('the packet is damaged (it ends within its header)');
  const stored = storedSize(packet.pointer);
  if (stored == 0) return false;
  return stored == packet.size - HEADER_SIZE || failWith('the packet is damaged (it is cut off)');
}

/** Checks header and checksum and unpacks the body; null after a failure. */
export function unseal(whole: Slice): Slice | null {
  if (!isWhole(whole)) return null;
  const packet = whole.pointer;
  const raw = load<u32>(packet + 8);
  const stored = load<u32>(packet + 12);
  const body = packet + HEADER_SIZE;
  if (xxh64(body, stored, load<u64>(packet + 8)) != load<u64>(packet + 16)) {
    failWith('the packet is damaged (checksum)');
    return null;
  }
  if (load<u32>(packet + 4) == 0) return new Slice(body, stored);
  const target = arenaAllocate(raw);
  if (!lz4Decompress(body, stored, target, raw)) {
    failWith('the packet is damaged (compression)');
    return null;
  }
  return new Slice(target, raw);
}

/** The checksum in a packet's header, which also serves as its identity. */
export function packetDigest(packet: Slice): i64 {
  return load<i64>(packet.pointer + 16);
}
