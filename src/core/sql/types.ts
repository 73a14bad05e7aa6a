/** types.ts: SQLite's numbers for the storage classes of values. */

export const TYPE_INTEGER: i32 = 1;
export const TYPE_REAL: i32 = 2;
export const TYPE_TEXT: i32 = 3;
export const TYPE_BLOB: i32 = 4;
export const TYPE_NULL: i32 = 5;
