/**
 * programs.ts: random SQL programs around the extension: tables with odd names, columns and constraints; every
 * function with right and wrong arguments in every place where an expression may stand; the virtual tables;
 * transactions; changes of the schema; settings of the connection.
 */
import type { Random } from '../child/random.js';

export interface Statement {
  sql: string;
  values: unknown[];
}

/** A function that the extension has registered, and the number of arguments that this form of it takes. */
export interface SqlFunction {
  name: string;
  arity: number;
}

const ODD_NAMES = [
  ...[
    't',
    'T',
    'u',
    'select',
    'order',
    'a"b',
    "a'b",
    'a;b--',
    '[x]',
    'a`b',
    'with space',
    'né',
    '\u{1f600}',
    '1st',
  ],
  ...[
    'rowid',
    '_rowid_',
    'oid',
    'pk0',
    'seq',
    'cl',
    'clock',
    'site',
    'cols',
    'mask',
    'at',
    'main',
    'temp',
    'new',
    'old',
  ],
  ...[
    'cloudsync_mine',
    't_cloudsync',
    't_cloudsync_log',
    'x'.repeat(300),
    'y'.repeat(1000),
    'z'.repeat(10_000),
  ],
];

const DEFAULTS = [
  '',
  ' DEFAULT 5',
  " DEFAULT 'x'",
  ' DEFAULT (random())',
  ' DEFAULT CURRENT_TIMESTAMP',
  ' NOT NULL DEFAULT 0',
];
const TYPES = [
  '',
  ' TEXT',
  ' INTEGER',
  ' REAL',
  ' BLOB',
  ' NUMERIC',
  ' VARCHAR(10)',
  ' ANY',
  ' "odd type"',
  ' INT',
];
const CONSTRAINTS = [
  ...[
    '',
    '',
    '',
    ' UNIQUE',
    ' CHECK(C <> 7)',
    ' COLLATE NOCASE',
    ' UNIQUE COLLATE RTRIM',
    ' REFERENCES T(K) ON DELETE CASCADE',
  ],
  ...[' REFERENCES T ON UPDATE SET NULL', " GENERATED ALWAYS AS ('g') VIRTUAL"],
];

export const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
export const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

export class Program {
  readonly #random: Random;
  readonly #functions: readonly SqlFunction[];
  readonly #packets: readonly Buffer[];
  readonly #tables: string[] = ['t'];

  constructor(random: Random, functions: readonly SqlFunction[], packets: readonly Buffer[]) {
    this.#random = random;
    this.#functions = functions;
    this.#packets = packets;
  }

  #pick<T>(list: readonly T[]): T {
    return this.#random.pick(list);
  }

  #table(): string {
    return this.#random.oneIn(6) ? this.#pick(ODD_NAMES) : this.#pick(this.#tables);
  }

  /** An argument of any kind; often one that fits somewhere. */
  #argument(): unknown {
    const random = this.#random;
    switch (random.below(16)) {
      case 0:
        return null;
      case 1:
        return this.#pick([0n, 1n, -1n, 5n, 2n ** 31n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)]);
      case 2:
        return this.#pick([0.5, -1e308, 1e19, Number.POSITIVE_INFINITY]);
      case 3:
        return random.bytes(this.#pick([0, 1, 16, 24, 100]));
      case 4:
        return this.#pick(this.#packets);
      case 5:
        return this.#pick(ODD_NAMES);
      case 6:
        return this.#pick(['', '\0', 'a\0b', 'x'.repeat(100_000), '\ud800', "'", '"', ';', '-- ', '/*']);
      case 7:
        return this.#pick([
          'cls',
          'dws',
          'aws',
          'gos',
          'on',
          'off',
          'keep',
          'conflicts',
          'send',
          'batch_bytes',
        ]);
      case 8:
        return this.#pick([
          '1',
          'a > 1',
          'a IS NULL OR 1',
          '(SELECT 1)',
          'a >',
          'x; DROP TABLE t',
          'random() > 0',
          'a = ?1',
        ]);
      case 9:
        return this.#pick(['id', 'a', 'b', 'rowid', 'k', 'conflicts.max_rows', 'conflicts.max_days']);
      case 10:
        return this.#pick([
          'http://127.0.0.1:9/x',
          'https://u:p@h/x',
          'ftp://x',
          'payload.csp',
          '../payload.csp',
          '/',
        ]);
      default:
        return this.#table();
    }
  }

  /** A call with arguments that are bound; mostly as many as it takes. */
  #call(): Statement {
    const { name, arity } = this.#pick(this.#functions);
    const usual = arity < 0 ? this.#random.below(10) : arity;
    const count = this.#random.oneIn(12) ? this.#random.below(6) : usual;
    const values = Array.from({ length: count }, () => this.#argument());
    return { sql: `${name}(${values.map(() => '?').join()})`, values };
  }

  #place({ sql, values }: Statement): Statement {
    const t = quoted(this.#table());
    const places = [
      `SELECT ${sql}`,
      `SELECT ${sql}`,
      `SELECT ${sql}`,
      `SELECT ${sql} FROM ${t} LIMIT 3`,
      `SELECT 1 FROM ${t} WHERE ${sql} ORDER BY ${sql.replaceAll('?', 'NULL')}`,
      `INSERT INTO ${t} SELECT ${sql}, 1, 2, 3`,
      `UPDATE ${t} SET a = ${sql}`,
      `DELETE FROM ${t} WHERE ${sql}`,
      `WITH x(v) AS (SELECT ${sql}) SELECT v, length(v), typeof(v) FROM x`,
      `SELECT ${sql} OVER ()`,
    ];
    return { sql: this.#pick(places), values };
  }

  /** A call within something that the schema keeps; with text in place of bound values. */
  #schemaPlace({ sql, values }: Statement): Statement {
    const spelled = [...values];
    const call = sql.replaceAll('?', () => {
      const value = spelled.shift();
      return typeof value === 'string' && !value.includes('\0') ? literal(value.slice(0, 50)) : 'NULL';
    });
    const t = quoted(this.#table());
    const places = [
      `CREATE TRIGGER tr AFTER INSERT ON ${t} BEGIN SELECT ${call}; END`,
      `CREATE TRIGGER tr2 BEFORE UPDATE ON ${t} WHEN ${call} BEGIN SELECT 1; END`,
      `CREATE TEMP TRIGGER tr3 AFTER DELETE ON main.${t} BEGIN SELECT ${call}; END`,
      `CREATE VIEW v AS SELECT ${call} AS x`,
      'SELECT * FROM v',
      `CREATE INDEX i ON ${t}(${call})`,
      `ALTER TABLE ${t} ADD COLUMN g AS (${call})`,
      `ALTER TABLE ${t} ADD COLUMN h DEFAULT (${call})`,
      `CREATE TABLE checked(x CHECK(${call}))`,
    ];
    return { sql: this.#pick(places), values: [] };
  }

  #changesTable(): Statement {
    const value = () => this.#argument();
    const places: Statement[] = [
      {
        sql: `SELECT * FROM cloudsync_changes WHERE tbl ${this.#pick(['=', '>', 'LIKE', 'IS'])} ?`,
        values: [value()],
      },
      {
        sql: 'SELECT * FROM cloudsync_changes WHERE db_version > ? AND site_id IS NOT ?',
        values: [value(), value()],
      },
      {
        sql: 'SELECT count(*) FROM cloudsync_changes a JOIN cloudsync_changes b USING(pk) WHERE a.seq = ?',
        values: [value()],
      },
      { sql: 'SELECT * FROM cloudsync_changes ORDER BY col_version DESC, rowid LIMIT ?', values: [value()] },
      {
        sql: 'INSERT INTO cloudsync_changes VALUES(?,?,?,?,?,?,?,?,?)',
        values: Array.from({ length: 9 }, value),
      },
      { sql: 'INSERT INTO cloudsync_changes SELECT * FROM cloudsync_changes', values: [] },
      {
        sql: `INSERT INTO cloudsync_changes SELECT tbl, pk, ?, col_value, col_version + ?, db_version,
          ${this.#pick(['site_id', "x'00'", 'randomblob(16)'])}, cl, seq FROM cloudsync_changes`,
        values: [this.#pick(['a', 'b', null, 'nowhere']), this.#pick([0n, 1n, 2n ** 40n, 2n ** 53n])],
      },
      { sql: 'UPDATE cloudsync_changes SET cl = ?', values: [value()] },
      { sql: 'DELETE FROM cloudsync_changes WHERE tbl = ?', values: [value()] },
      {
        sql: `SELECT cloudsync_payload_encode(tbl, pk, col_name, col_value, ${this.#pick(['col_version', '?'])},
          db_version, site_id, cl, seq) FROM cloudsync_changes`,
        values: [],
      },
      { sql: 'DROP TABLE cloudsync_changes', values: [] },
      { sql: 'CREATE VIRTUAL TABLE more USING cloudsync_changes(x)', values: [] },
    ];
    return this.#pick(places);
  }

  #createTable(): Statement {
    const name = this.#pick(ODD_NAMES);
    this.#tables.push(name);
    const [key, other] = [this.#pick(['id', this.#pick(ODD_NAMES)]), quoted(this.#table())];
    const columns = ['a', 'b', this.#pick(ODD_NAMES)].map((column) => {
      const constraint = this.#pick(CONSTRAINTS)
        .replace('C', quoted(column))
        .replace('T', other)
        .replace('K', quoted(key));
      return `${quoted(column)}${this.#pick(TYPES)}${this.#pick(DEFAULTS)}${constraint}`;
    });
    const keys = this.#random.oneIn(4)
      ? `${quoted(key)}${this.#pick(TYPES)}, PRIMARY KEY(${quoted(key)}, a)`
      : `${quoted(key)}${this.#pick([' TEXT', ' BLOB', ' INTEGER', ''])} PRIMARY KEY${this.#pick([' NOT NULL', ''])}`;
    const parts = this.#random.oneIn(4) ? [...columns, keys] : [keys, ...columns];
    const ordered = keys.includes('PRIMARY KEY(') ? [...columns, keys] : parts;
    const suffix = this.#pick(['', '', '', ' WITHOUT ROWID', ' STRICT']);
    return { sql: `CREATE TABLE ${quoted(name)}(${ordered.join(', ')})${suffix}`, values: [] };
  }

  #init(): Statement {
    const values = [this.#pick(this.#tables), this.#pick(['cls', 'dws', 'aws', 'gos']), 1n];
    return { sql: 'SELECT cloudsync_init(?, ?, ?)', values };
  }

  #dataChange(): Statement {
    const t = quoted(this.#pick(this.#tables));
    const value = () => this.#argument();
    const conflict = this.#pick(['', ' OR REPLACE', ' OR IGNORE', ' OR FAIL', ' OR ROLLBACK']);
    return this.#pick<Statement>([
      { sql: `INSERT${conflict} INTO ${t} VALUES(?, ?, ?, ?)`, values: [value(), value(), value(), value()] },
      { sql: `INSERT${conflict} INTO ${t}(a, b) VALUES(?, ?)`, values: [value(), value()] },
      { sql: `UPDATE${conflict} ${t} SET a = ?, b = b || 'x'`, values: [value()] },
      {
        sql: `UPDATE${conflict} ${t} SET id = id || 'y', a = ? WHERE b IS NOT ?`,
        values: [value(), value()],
      },
      { sql: `DELETE FROM ${t} WHERE a IS ?`, values: [value()] },
      { sql: `DELETE FROM ${t}`, values: [] },
    ]);
  }

  #schemaChange(): Statement {
    const t = quoted(this.#pick(this.#tables));
    const name = this.#pick(ODD_NAMES);
    const sql = this.#pick([
      `ALTER TABLE ${t} RENAME TO ${quoted(name)}`,
      `ALTER TABLE ${t} RENAME COLUMN a TO ${quoted(name)}`,
      `ALTER TABLE ${t} ADD COLUMN ${quoted(name)}${this.#pick(TYPES)}${this.#pick(DEFAULTS)}`,
      `ALTER TABLE ${t} DROP COLUMN ${quoted(this.#pick(['a', 'b', name]))}`,
      `DROP TABLE ${t}`,
      `CREATE UNIQUE INDEX ${quoted(`i ${name}`)} ON ${t}(${this.#pick(['b', 'a, b', 'lower(b)'])})`,
      `CREATE UNIQUE INDEX ${quoted(`j ${name}`)} ON ${t}(a) WHERE b ${this.#pick(['> 0', 'IS NULL'])}`,
      `CREATE TRIGGER ${quoted(`t ${name}`)} AFTER INSERT ON ${t} BEGIN UPDATE ${t} SET b = 'triggered'; END`,
      `DROP TRIGGER IF EXISTS ${quoted(`${name}_cloudsync`)}`,
      'VACUUM',
      'REINDEX',
      'ANALYZE',
    ]);
    if (sql.includes('RENAME TO')) this.#tables.push(name);
    return { sql, values: [] };
  }

  #control(): Statement {
    const sql = this.#pick([
      ...[
        'BEGIN',
        'BEGIN IMMEDIATE',
        'COMMIT',
        'ROLLBACK',
        'SAVEPOINT s',
        'RELEASE s',
        'ROLLBACK TO s',
        'COMMIT',
      ],
      ...[
        'SAVEPOINT cloudsync',
        'ROLLBACK TO cloudsync',
        'PRAGMA foreign_keys = ON',
        'PRAGMA foreign_keys = OFF',
      ],
      ...['PRAGMA recursive_triggers = ON', 'PRAGMA trusted_schema = OFF', 'PRAGMA trusted_schema = ON'],
      ...[
        'PRAGMA query_only = ON',
        'PRAGMA query_only = OFF',
        'PRAGMA defer_foreign_keys = ON',
        "ATTACH ':memory:' AS aux",
      ],
      ...[
        'PRAGMA reverse_unordered_selects = ON',
        'PRAGMA count_changes = ON',
        'PRAGMA cell_size_check = ON',
      ],
      ...[
        'PRAGMA legacy_alter_table = ON',
        'PRAGMA case_sensitive_like = ON',
        'PRAGMA automatic_index = OFF',
      ],
    ]);
    return { sql, values: [] };
  }

  next(): Statement {
    const random = this.#random.below(20);
    if (random < 6) return this.#place(this.#call());
    if (random < 7) return this.#schemaPlace(this.#call());
    if (random < 9) return this.#changesTable();
    if (random < 11) return this.#createTable();
    if (random < 13) return this.#init();
    if (random < 17) return this.#dataChange();
    if (random < 18) return this.#schemaChange();
    return this.#control();
  }
}
