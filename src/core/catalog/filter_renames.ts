/**
 * filter_renames.ts: a filter goes on when its table or its columns get other names, as indexes and triggers
 * of SQLite do: the names in its text are exchanged. What is not recognised leaves a filter that cannot be
 * evaluated, which is reported (failUnsettled).
 */
import { Slice } from '../bytes/slice';
import { ExpressionCheck } from '../sql/expression';
import { Text } from '../sql/text';
import { storeFilter } from './filters';
import { Table } from './table';

/** Names that were exchanged at one time: the first of `to` stands for the first of `from`. */
export class Renames {
  private from: Array<Slice> = [];
  private to: Array<Slice> = [];

  add(from: Slice, to: Slice): void {
    this.from.push(from);
    this.to.push(to);
  }

  /** The new name, null when the name is not among those that have one. */
  find(name: Slice): Slice | null {
    for (let i = 0; i < this.from.length; i++) if (this.from[i].equalsIgnoreCase(name)) return this.to[i];
    return null;
  }
}

/** The columns of the table have other names. False on errors. */
export function followColumnNames(table: Table, renames: Renames): bool {
  return follow(table, renames, false);
}

/** The table has another name than `former`. False on errors. */
export function followTableName(table: Table, former: Slice): bool {
  const renames = new Renames();
  renames.add(former, table.name);
  return follow(table, renames, true);
}

/** Exchanges names in the filter: those before a dot, or the others. */
function follow(table: Table, renames: Renames, qualifiers: bool): bool {
  const expression = table.filter;
  const names = new ExpressionCheck(expression).names;
  const text = new Text(expression.size + 64);
  let at: u32 = 0;
  for (let i = 0; i < names.length; i++) {
    const name = names[i].qualifies == qualifiers ? renames.find(names[i].name) : null;
    if (name == null) continue;
    text.bytes(new Slice(expression.pointer + at, names[i].start - at)).name(name);
    at = names[i].end;
  }
  if (at == 0) return true;
  text.bytes(new Slice(expression.pointer + at, expression.size - at));
  return storeFilter(table, text.slice());
}
