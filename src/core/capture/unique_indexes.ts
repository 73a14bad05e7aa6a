/**
 * unique_indexes.ts: the unique indexes of a table through which REPLACE can remove a row other than the one
 * that it writes: all but the primary key's own, and but those that contain the whole key (there only the
 * same row is in the way).
 */
import { Table } from '../catalog/table';
import { Slice } from '../bytes/slice';
import { hasFailed } from '../sql/failure';
import { Statement } from '../sql/statement';
import { Text } from '../sql/text';
import { IndexText } from './index_text';

export class UniqueTerm {
  constructor(
    /** Name of the column; empty for an expression. */
    public column: Slice,
    public expression: Slice,
    public collation: Slice,
  ) {}
}

export class UniqueIndex {
  terms: Array<UniqueTerm> = [];
  /** The condition of a partial index, else empty. */
  condition: Slice = new Slice(0, 0);
  hasExpression: bool = false;

  /** Its terms or condition are words of the application. */
  get quotesApplication(): bool {
    return this.hasExpression || this.condition.size > 0;
  }
}

/** All columns of a table, generated ones too. */
export function allColumns(table: Table): Array<Slice> {
  const list: Array<Slice> = [];
  const statement = new Statement(
    new Text().add("SELECT name FROM pragma_table_xinfo(?1,'main') WHERE hidden<>1 ORDER BY cid"),
  );
  statement.text(1, table.name);
  while (statement.step()) list.push(statement.columnBytes(0));
  statement.close();
  return list;
}

/** The indexes ordered by name, so that the same schema gives the same triggers. Check hasFailed(). */
export function uniqueIndexes(table: Table, columns: Array<Slice>): Array<UniqueIndex> {
  const list: Array<UniqueIndex> = [];
  const statement = new Statement(
    new Text().add(
      "SELECT l.name, l.partial, (SELECT sql FROM main.sqlite_schema WHERE type='index' AND name=l.name)" +
        " FROM pragma_index_list(?1,'main') AS l WHERE l.\"unique\"=1 AND l.origin<>'pk' ORDER BY l.name",
    ),
  );
  statement.text(1, table.name);
  while (statement.step()) {
    const name = statement.columnBytes(0);
    const partial = statement.columnInteger(1) != 0;
    const index = readTerms(name);
    if (hasFailed()) break;
    if (index.hasExpression || partial) {
      readText(index, partial, new IndexText(statement.columnBytes(2), columns));
    }
    if (!containsKey(index, table)) list.push(index);
  }
  statement.close();
  return list;
}

function readTerms(name: Slice): UniqueIndex {
  const index = new UniqueIndex();
  const statement = new Statement(
    new Text().add("SELECT cid, name, coll FROM pragma_index_xinfo(?1,'main') WHERE key=1 ORDER BY seqno"),
  );
  statement.text(1, name);
  while (statement.step()) {
    const expression = statement.columnInteger(0) < 0;
    if (expression) index.hasExpression = true;
    const column = expression ? new Slice(0, 0) : statement.columnBytes(1);
    index.terms.push(new UniqueTerm(column, new Slice(0, 0), statement.columnBytes(2)));
  }
  statement.close();
  return index;
}

function readText(index: UniqueIndex, partial: bool, text: IndexText): void {
  for (let i = 0; i < index.terms.length && i < text.terms.length; i++) {
    if (index.terms[i].column.size == 0) index.terms[i].expression = text.terms[i];
  }
  if (partial) index.condition = text.condition;
}

function containsKey(index: UniqueIndex, table: Table): bool {
  for (let k = 0; k < table.keys.length; k++) {
    let found = false;
    for (let i = 0; i < index.terms.length && !found; i++) {
      const term = index.terms[i];
      found = term.column.equalsIgnoreCase(table.keys[k].name) && term.collation.is('BINARY');
    }
    if (!found) return false;
  }
  return true;
}
