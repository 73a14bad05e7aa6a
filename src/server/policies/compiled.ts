/**
 * compiled.ts: what becomes of a file of policies: the interface between the compiler and those who keep the scopes
 * of rows and judge writes. Everything in it is SQL text, so SQLite decides, and plain data, so it may be compared.
 *
 * A row is visible to a principal exactly when for some branch of its table the keys of the row and the keys of the
 * principal have a tuple in common. The queries bring key values into a normal form (affinity of the comparison,
 * whole reals as integers), which only SQLite can do exactly: two values are equal when type and bytes are. Read
 * them with safeIntegers, because an integer above 2^53 is not a number of JavaScript.
 */
export interface CompiledPolicies {
  /** SHA-256 of the text, in hex. */
  hash: string;
  /** By name, folded (foldName). A table that is not here has no policy: nothing of it is visible or writable. */
  tables: ReadonlyMap<string, TablePolicies>;
}

export interface TablePolicies {
  /** The name as it was created. */
  table: string;
  /** The alternatives of its SELECT policies; none = nothing is visible. */
  branches: readonly Branch[];
  /** Expressions over NEW.x, OLD.x and auth_*(), for `judge.ts`; null = denied. */
  insertCheck: string | null;
  updateUsing: string | null;
  updateCheck: string | null;
  deleteUsing: string | null;
}

export interface Branch {
  /** Hash of `principalKeys`: branches with the same one, also of several tables, share scopes. */
  id: string;
  /** Values of a key tuple, at least one: a branch without any link has the constant key 1. */
  width: number;
  /** SELECT k0, k1 .. of one row, whose key values are its parameters; no duplicates, no NULL. */
  rowKeys: string;
  /** The same for all rows: SELECT <key columns of the table>, k0, k1 .. */
  allKeys: string;
  /** SELECT k0, k1 .. of the principal, within `asPrincipal`; no parameters, no duplicates, no NULL. */
  principalKeys: string;
  dependencies: readonly Dependency[];
}

/** A table that is joined on the row side: which rows of T may change their keys when one of its rows changes. */
export interface Dependency {
  table: string;
  /** The columns whose values, before and after the change, lead to rows of T. */
  columns: readonly string[];
  /** SELECT <key columns of T> with those values as parameters; may find a few rows too many. */
  affected: string;
}
