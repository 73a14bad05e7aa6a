/**
 * An SQLite value with its storage class, as packets, the reference model and table dumps see it.
 * JavaScript's own types cannot serve: they do not tell 1 from 1.0, and a string cannot hold TEXT that is not
 * valid UTF-8.
 */

export type Value =
  | { readonly type: 'null' }
  | { readonly type: 'integer'; readonly integer: bigint }
  | { readonly type: 'real'; readonly real: number }
  | { readonly type: 'text'; readonly bytes: Buffer }
  | { readonly type: 'blob'; readonly bytes: Buffer };

export const NULL: Value = { type: 'null' };

export function integer(value: bigint | number): Value {
  return { type: 'integer', integer: BigInt(value) };
}

export function real(value: number): Value {
  return { type: 'real', real: value };
}

/** TEXT from a string, or from bytes where they need not be valid UTF-8. */
export function text(value: string | Buffer): Value {
  return { type: 'text', bytes: Buffer.from(value) };
}

export function blob(value: Buffer | string): Value {
  return { type: 'blob', bytes: typeof value === 'string' ? Buffer.from(value, 'hex') : value };
}

const RANK = { null: 0, integer: 1, real: 2, text: 3, blob: 4 };

/**
 * The total order that decides between two values with the same stamp: NULL < INTEGER < REAL < TEXT < BLOB,
 * then by number (-0.0 below 0.0) or by bytes. Returns a negative number, 0 or a positive number.
 */
export function compareValues(a: Value, b: Value): number {
  if (a.type === 'integer' && b.type === 'integer') {
    return a.integer < b.integer ? -1 : a.integer > b.integer ? 1 : 0;
  }
  if (a.type === 'real' && b.type === 'real') {
    if (a.real === b.real) return Number(Object.is(b.real, -0)) - Number(Object.is(a.real, -0));
    return a.real < b.real ? -1 : 1;
  }
  if ((a.type === 'text' && b.type === 'text') || (a.type === 'blob' && b.type === 'blob')) {
    return Buffer.compare(a.bytes, b.bytes);
  }
  return RANK[a.type] - RANK[b.type];
}

const PRINTABLE = /^[\x20-\x7e\u00a1-\uffff]*$/;

/** The value as an SQL literal: readable in messages, and good to build statements with. */
export function literal(value: Value): string {
  switch (value.type) {
    case 'null':
      return 'NULL';
    case 'integer':
      // SQLite reads the digits 9223372036854775808 as a REAL before it applies the minus sign.
      return value.integer === -(2n ** 63n) ? '(-9223372036854775807 - 1)' : String(value.integer);
    case 'real': {
      if (Object.is(value.real, -0)) return '-0.0';
      if (!Number.isFinite(value.real)) return value.real > 0 ? '9e999' : '-9e999';
      return Number.isInteger(value.real) && Math.abs(value.real) < 1e15
        ? value.real.toFixed(1)
        : value.real.toExponential();
    }
    case 'text': {
      const string = value.bytes.toString('utf8');
      const plain = PRINTABLE.test(string) && Buffer.from(string).equals(value.bytes);
      return plain ? `'${string.replaceAll("'", "''")}'` : `CAST(x'${value.bytes.toString('hex')}' AS TEXT)`;
    }
    case 'blob':
      return `x'${value.bytes.toString('hex')}'`;
  }
}

/**
 * Text that is equal for two keys exactly when SQLite takes them for the same key: numbers compare by number,
 * whatever their storage class.
 */
export function identity(key: readonly Value[]): string {
  return key
    .map((value) => {
      const whole = value.type === 'real' && Number.isInteger(value.real) && Math.abs(value.real) < 2 ** 63;
      return whole ? String(BigInt(value.real)) : literal(value);
    })
    .join(', ');
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The 16 bytes of TEXT that is a canonical lower-case UUID, else undefined. */
export function uuidBytes(textBytes: Buffer): Buffer | undefined {
  if (textBytes.length !== 36) return undefined;
  const string = textBytes.toString('latin1');
  return UUID.test(string) ? Buffer.from(string.replaceAll('-', ''), 'hex') : undefined;
}

/** The canonical text of a UUID's 16 bytes. */
export function uuidText(bytes: Buffer): Buffer {
  const hex = bytes.toString('hex');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return Buffer.from(parts.join('-'), 'latin1');
}
