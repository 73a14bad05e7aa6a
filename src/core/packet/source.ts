/**
 * source.ts: where the packets of a payload come from: a BLOB argument or a file, read one packet at a time, so that a
 * payload of any size needs the memory of its largest packet.
 */
import { argument_copy, file_read } from '../host';
import { Slice } from '../bytes/slice';
import { arenaAllocate } from '../runtime/arena';
import { failWith, hasFailed } from '../sql/failure';
import { HEADER_SIZE, storedSize } from './envelope';

const FROM_ARGUMENT: i32 = -1;

/** Packets one after another. */
export interface PacketStream {
  /** The next packet, its header checked, in the arena. Null at the end and after a failure. */
  next(): Slice | null;
}

export class PacketSource implements PacketStream {
  private offset: u32 = 0;

  private constructor(
    private file: i32,
    private argument: i32,
    private size: u32,
  ) {}

  static ofArgument(index: i32, size: u32): PacketSource {
    return new PacketSource(FROM_ARGUMENT, index, size);
  }

  static ofFile(file: i32): PacketSource {
    return new PacketSource(file, 0, 0);
  }

  /** Reads up to `count` bytes; returns how many there were. */
  private read(target: usize, count: u32): u32 {
    if (this.file == FROM_ARGUMENT) {
      const left = this.size - this.offset;
      const size = count < left ? count : left;
      argument_copy(this.argument, this.offset, target, size);
      this.offset += size;
      return size;
    }
    let done: u32 = 0;
    while (done < count) {
      const got = file_read(this.file, target + done, count - done);
      if (got < 0) failWith('the payload file cannot be read', 10);
      if (got <= 0) break;
      done += <u32>got;
    }
    return done;
  }

  next(): Slice | null {
    const header = arenaAllocate(HEADER_SIZE);
    const got = this.read(header, HEADER_SIZE);
    if (got == 0 || hasFailed()) return null;
    if (got < HEADER_SIZE) {
      failWith('the packet is damaged (it ends within its header)');
      return null;
    }
    const stored = storedSize(header);
    if (stored == 0) return null;
    if (this.file == FROM_ARGUMENT && stored > this.size - this.offset) {
      failWith('the packet is damaged (it is cut off)');
      return null;
    }
    const packet = arenaAllocate(HEADER_SIZE + stored);
    memory.copy(packet, header, HEADER_SIZE);
    if (this.read(packet + HEADER_SIZE, stored) < stored) {
      failWith('the packet is damaged (it is cut off)');
      return null;
    }
    return new Slice(packet, HEADER_SIZE + stored);
  }
}
