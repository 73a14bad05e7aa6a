/**
 * values.ts: SQLite values as bytes, in the form of docs/PROTOCOL.md section 1.2, so that the key of a row has here the
 * bytes that it has in packets and in cloudsync_changes, and two keys are equal exactly when their bytes are.
 */

/** A value as better-sqlite3 gives it with safeIntegers: INTEGER as bigint, REAL as number. */
export type SqlValue = null | bigint | number | string | Buffer;

const NIL = 0xc0;
const FLOAT64 = 0xcb;
const FIXEXT16 = 0xd8;
const EXTENSION_UUID = 1;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The values one after another. */
export function encodeValues(values: readonly SqlValue[]): Buffer {
  return Buffer.concat(values.flatMap(encodeValue));
}

/** The values that were encoded one after another. Meant for bytes of our own: damaged ones are a defect. */
export function decodeValues(bytes: Buffer): SqlValue[] {
  const values: SqlValue[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { value, next } = decodeValue(bytes, at);
    values.push(value);
    at = next;
  }
  return values;
}

function encodeValue(value: SqlValue): Buffer[] {
  if (value === null) return [Buffer.from([NIL])];
  if (typeof value === 'bigint') return [encodeInteger(value)];
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(9);
    bytes[0] = FLOAT64;
    bytes.writeDoubleBE(value, 1);
    return [bytes];
  }
  if (typeof value === 'string') {
    if (UUID.test(value)) {
      return [Buffer.from([FIXEXT16, EXTENSION_UUID]), Buffer.from(value.replaceAll('-', ''), 'hex')];
    }
    const text = Buffer.from(value, 'utf8');
    return text.length < 32
      ? [Buffer.from([0xa0 | text.length]), text]
      : [lengthHead(0xd9, text.length), text];
  }
  return [lengthHead(0xc4, value.length), value];
}

/** The head of a TEXT or BLOB with the shortest length field; `first` is the type byte of the one with one byte. */
function lengthHead(first: number, length: number): Buffer {
  const size = length < 0x100 ? 1 : length < 0x1_0000 ? 2 : 4;
  const head = Buffer.alloc(1 + size);
  head[0] = first + (size === 4 ? 2 : size - 1);
  head.writeUIntBE(length, 1, size);
  return head;
}

function encodeInteger(value: bigint): Buffer {
  if (value >= -32n && value < 128n) return Buffer.from([Number(value) & 0xff]);
  const size = [1, 2, 4].find((bytes) =>
    value >= 0n ? value < 1n << BigInt(8 * bytes) : value >= -(1n << BigInt(8 * bytes - 1)),
  );
  const width = size ?? 8;
  const bytes = Buffer.alloc(1 + width);
  bytes[0] = (value >= 0n ? 0xcc : 0xd0) + Math.log2(width);
  if (width === 8) bytes.writeBigInt64BE(value, 1);
  else if (value >= 0n) bytes.writeUIntBE(Number(value), 1, width);
  else bytes.writeIntBE(Number(value), 1, width);
  return bytes;
}

/** The value that begins at `at`, and where the next one does. */
export function decodeValue(bytes: Buffer, at: number): { value: SqlValue; next: number } {
  const head = bytes.readUInt8(at);
  if (head < 0x80) return { value: BigInt(head), next: at + 1 };
  if (head >= 0xe0) return { value: BigInt(head - 0x100), next: at + 1 };
  if (head === NIL) return { value: null, next: at + 1 };
  if (head === FLOAT64) return { value: bytes.readDoubleBE(at + 1), next: at + 9 };
  if (head === FIXEXT16) {
    const hex = bytes.toString('hex', at + 2, at + 18);
    return { value: hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'), next: at + 18 };
  }
  if (head >= 0xcc && head <= 0xd3) return decodeInteger(bytes, at, head);
  const isBlob = head >= 0xc4 && head <= 0xc6;
  const isShort = head >= 0xa0 && head < 0xc0;
  if (!isBlob && !isShort && !(head >= 0xd9 && head <= 0xdb)) {
    throw new Error(`an encoded key has the unknown type byte ${head}`);
  }
  const width = isShort ? 0 : 1 << (head - (isBlob ? 0xc4 : 0xd9));
  const length = isShort ? head & 31 : bytes.readUIntBE(at + 1, width);
  const start = at + 1 + width;
  const next = start + length;
  return { value: isBlob ? bytes.subarray(start, next) : bytes.toString('utf8', start, next), next };
}

function decodeInteger(bytes: Buffer, at: number, head: number): { value: bigint; next: number } {
  const width = 1 << (head & 3);
  const next = at + 1 + width;
  if (width === 8) {
    return { value: head < 0xd0 ? bytes.readBigUInt64BE(at + 1) : bytes.readBigInt64BE(at + 1), next };
  }
  const value = head < 0xd0 ? bytes.readUIntBE(at + 1, width) : bytes.readIntBE(at + 1, width);
  return { value: BigInt(value), next };
}
