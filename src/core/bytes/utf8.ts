/** utf8.ts: whether bytes can be a name in SQL: well-formed UTF-8 without NUL, not empty. */
import { Slice } from './slice';

/** Smallest code point that needs 2, 3 and 4 bytes. */
const SMALLEST: StaticArray<u32> = [0, 0x80, 0x800, 0x10000];

export function isName(name: Slice): bool {
  let at = name.pointer;
  const end = at + name.size;
  while (at < end) {
    const first = <u32>load<u8>(at++);
    if (first == 0) return false;
    if (first < 0x80) continue;
    const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || end - at < <usize>more) return false;
    let point = first & (0x3f >> more);
    for (let i = 0; i < more; i++) {
      const next = <u32>load<u8>(at++);
      if ((next & 0xc0) != 0x80) return false;
      point = (point << 6) | (next & 0x3f);
    }
    if (point < SMALLEST[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
  }
  return name.size > 0;
}
