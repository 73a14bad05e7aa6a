/**
 * The line of the hazards list about foreign keys under merge: no permanent stop, equal everywhere, no child
 * visible without its parent; a hold is not a delete.
 */
import { afterEach, describe, expect, test } from 'vitest';
import {
  applyPayload,
  arrivalNumber,
  type Connection,
  dumpMetadata,
  encodePayload,
} from '../support/database.js';
import {
  at,
  closeAll,
  devices,
  everyOrder,
  exchange,
  expectAll,
  heldName,
  rows,
  type Schema,
  send,
  singleRows,
} from './devices.js';

afterEach(closeAll);

function family(clause: string): Schema {
  return {
    sql: `CREATE TABLE parent(id TEXT PRIMARY KEY NOT NULL, name TEXT);
          CREATE TABLE child(id TEXT PRIMARY KEY NOT NULL,
            parent TEXT DEFAULT 'd' REFERENCES parent(id) ${clause}, name TEXT)`,
    tables: { parent: 1, child: 1 },
  };
}

const FAMILY = family('');
const TREE: Schema = {
  sql: 'CREATE TABLE node(id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES node(id) ON DELETE CASCADE)',
  tables: { node: 1 },
};
const COUPLE: Schema = {
  sql: `CREATE TABLE husband(id TEXT PRIMARY KEY NOT NULL,
          wife TEXT REFERENCES wife(id) DEFERRABLE INITIALLY DEFERRED);
        CREATE TABLE wife(id TEXT PRIMARY KEY NOT NULL,
          husband TEXT REFERENCES husband(id) DEFERRABLE INITIALLY DEFERRED)`,
  tables: { husband: 1, wife: 1 },
};

test('a child that arrives before its parent is held and appears with it', () => {
  const [a, b] = devices(2, FAMILY) as [Connection, Connection];
  at(a, 1, "INSERT INTO parent VALUES('p', 'x')");
  const parent = encodePayload(a);
  const since = arrivalNumber(a);
  at(a, 2, "INSERT INTO child VALUES('c', 'p', 'x'), ('orphan', NULL, 'x')");
  applyPayload(b, encodePayload(a, since));
  expectAll([b], FAMILY, {
    tables: { parent: [], child: [['orphan', null, 'x']] },
    held: [heldName('child', 'c')],
  });
  applyPayload(b, parent);
  expectAll([b], FAMILY, {
    tables: {
      parent: [['p', 'x']],
      child: [
        ['c', 'p', 'x'],
        ['orphan', null, 'x'],
      ],
    },
  });
  exchange([a, b]);
});

test('a parent that was edited after its child, and so sorts later, row by row', () => {
  const [a, b] = devices(2, FAMILY) as [Connection, Connection];
  at(a, 1, "INSERT INTO parent VALUES('p', 'old'); INSERT INTO child VALUES('c', 'p', 'x')");
  at(a, 2, "UPDATE parent SET name = 'new' WHERE id = 'p'");
  const packets = singleRows(a).reverse();
  for (const packet of packets) applyPayload(b, packet);
  expectAll([a, b], FAMILY, { tables: { parent: [['p', 'new']], child: [['c', 'p', 'x']] } });
  exchange([a, b]);
});

const OUTCOMES: Array<[string, { parent: unknown[]; child: unknown[] }]> = [
  ['CASCADE', { parent: [['d', 'default']], child: [] }],
  ['SET NULL', { parent: [['d', 'default']], child: [['c', null, 'x']] }],
  ['SET DEFAULT', { parent: [['d', 'default']], child: [['c', 'd', 'x']] }],
  [
    'RESTRICT',
    {
      parent: [
        ['d', 'default'],
        ['p', 'x'],
      ],
      child: [['c', 'p', 'x']],
    },
  ],
  [
    'NO ACTION',
    {
      parent: [
        ['d', 'default'],
        ['p', 'x'],
      ],
      child: [['c', 'p', 'x']],
    },
  ],
];

describe.each(['', ' DEFERRABLE INITIALLY DEFERRED'])(
  'a parent is deleted while a child is inserted elsewhere%s',
  (when) => {
    test.each(OUTCOMES)('ON DELETE %s decides, in every order', (action, tables) => {
      const schema = family(`ON DELETE ${action}${when}`);
      for (const [first, second] of [
        [0, 1],
        [1, 0],
      ] as const) {
        const all = devices(3, schema);
        const [a, b, witness] = all as [Connection, Connection, Connection];
        at(a, 1, "INSERT INTO parent VALUES('p', 'x'), ('d', 'default')");
        send(a, b, witness);
        at(a, 2, "DELETE FROM parent WHERE id = 'p'");
        at(b, 3, "INSERT INTO child VALUES('c', 'p', 'x')");
        // The third device gets the two in this order before they meet anywhere.
        send([a, b][first] as Connection, witness);
        send([a, b][second] as Connection, witness);
        exchange(all);
        expectAll(all, schema, { tables });
      }
    });

    test.each(OUTCOMES)(
      'ON DELETE %s decides where only the author of the child ever had the parent',
      (action, tables) => {
        const schema = family(`ON DELETE ${action}${when}`);
        const all = devices(3, schema);
        const [a, b, late] = all as [Connection, Connection, Connection];
        at(a, 1, "INSERT INTO parent VALUES('p', 'x'), ('d', 'default')");
        send(a, b);
        at(a, 2, "DELETE FROM parent WHERE id = 'p'");
        at(b, 3, "INSERT INTO child VALUES('c', 'p', 'x')");
        const child = singleRows(b).at(-1) as Buffer;
        applyPayload(late, child);
        send(a, late);
        exchange(all);
        expectAll(all, schema, { tables });
      },
    );
  },
);

test('RESTRICT brings the parent back with its own values and clocks', () => {
  const schema = family('ON DELETE RESTRICT');
  const all = devices(2, schema);
  const [a, b] = all as [Connection, Connection];
  at(a, 1, "INSERT INTO parent VALUES('p', 'old')");
  send(a, b);
  at(a, 2, "DELETE FROM parent WHERE id = 'p'");
  at(b, 3, "UPDATE parent SET name = 'edited' WHERE id = 'p'; INSERT INTO child VALUES('c', 'p', 'x')");
  exchange(all);
  expectAll(all, schema, { tables: { parent: [['p', 'edited']], child: [['c', 'p', 'x']] } });
  // A later deletion, of the child too, is final.
  at(a, 4, "DELETE FROM child; DELETE FROM parent WHERE id = 'p'");
  exchange(all);
  expectAll(all, schema, { tables: { parent: [], child: [] } });
});

test('a child of a parent that was made anew waits for it, where only the deletion is known', () => {
  for (const action of ['CASCADE', 'SET NULL', 'SET DEFAULT']) {
    const schema = family(`ON DELETE ${action}`);
    const all = devices(2, schema);
    const [a, late] = all as [Connection, Connection];
    at(a, 1, "INSERT INTO parent VALUES('p', 'x'), ('d', 'default')");
    at(a, 2, "DELETE FROM parent WHERE id = 'p'");
    send(a, late);
    at(a, 3, "INSERT INTO parent VALUES('p', 'anew'); INSERT INTO child VALUES('c', 'p', 'x')");
    const child = singleRows(a).at(-1) as Buffer;
    applyPayload(late, child);
    expectAll([late], schema, { tables: { child: [] }, held: [heldName('child', 'c')] });
    exchange(all);
    expectAll(all, schema, {
      tables: {
        parent: [
          ['d', 'default'],
          ['p', 'anew'],
        ],
        child: [['c', 'p', 'x']],
      },
    });
  }
});

test('two devices bring the parent back: the newest value wins, not the one that came back last', () => {
  const schema = family('ON DELETE NO ACTION');
  const all = devices(3, schema);
  const [a, b, c] = all as [Connection, Connection, Connection];
  at(a, 1, "INSERT INTO parent VALUES('p', 'old')");
  send(a, b, c);
  at(b, 2, "INSERT INTO child VALUES('b', 'p', 'x'); UPDATE parent SET name = 'newest' WHERE id = 'p'");
  at(c, 2, "INSERT INTO child VALUES('c', 'p', 'x')");
  at(a, 3, "DELETE FROM parent WHERE id = 'p'");
  send(a, b);
  at(c, 9, "INSERT INTO child VALUES('k', NULL, 'x'), ('l', NULL, 'x'), ('m', NULL, 'x')");
  send(a, c);
  exchange(all);
  expectAll(all, schema, {
    tables: {
      parent: [['p', 'newest']],
      child: [
        ['b', 'p', 'x'],
        ['c', 'p', 'x'],
        ['k', null, 'x'],
        ['l', null, 'x'],
        ['m', null, 'x'],
      ],
    },
  });
});

describe('ON UPDATE CASCADE', () => {
  const schema = family('ON DELETE CASCADE ON UPDATE CASCADE');

  test('the key of a parent changes: the children follow everywhere', () => {
    const all = devices(2, schema);
    const [a, b] = all as [Connection, Connection];
    at(a, 1, "INSERT INTO parent VALUES('p', 'x'); INSERT INTO child VALUES('c', 'p', 'x')");
    send(a, b);
    at(a, 2, "UPDATE parent SET id = 'q' WHERE id = 'p'");
    exchange(all);
    expectAll(all, schema, { tables: { parent: [['q', 'x']], child: [['c', 'q', 'x']] } });
  });

  test('a referenced UNIQUE column changes by a merge: children that the author did not know follow', () => {
    const unique: Schema = {
      sql: `CREATE TABLE parent(id TEXT PRIMARY KEY NOT NULL, code TEXT UNIQUE);
            CREATE TABLE child(id TEXT PRIMARY KEY NOT NULL,
              parent TEXT REFERENCES parent(code) ON UPDATE CASCADE)`,
      tables: { parent: 1, child: 1 },
    };
    const all = devices(3, unique);
    const [a, b] = all as [Connection, Connection];
    at(a, 1, "INSERT INTO parent VALUES('p', 'old')");
    send(a, b);
    at(a, 2, "UPDATE parent SET code = 'new'");
    at(b, 3, "INSERT INTO child VALUES('c', 'old')");
    exchange(all);
    expectAll(all, unique, { tables: { parent: [['p', 'new']], child: [['c', 'new']] } });
  });
});

test('self-reference: a tree arrives row by row in every order', () => {
  const [a] = devices(1, TREE) as [Connection];
  at(a, 1, "INSERT INTO node VALUES('root', NULL), ('a', 'root'), ('b', 'a'), ('self', 'self')");
  const all = rows(a, 'node');
  for (const order of everyOrder(singleRows(a))) {
    const [b] = devices(1, TREE) as [Connection];
    for (const packet of order) {
      applyPayload(b, packet);
      expect(b.pragma('foreign_key_check')).toEqual([]);
    }
    expectAll([b], TREE, { tables: { node: all } });
  }
});

test('self-reference: a branch is deleted while a leaf is inserted elsewhere', () => {
  const all = devices(3, TREE);
  const [a, b] = all as [Connection, Connection];
  at(a, 1, "INSERT INTO node VALUES('root', NULL), ('a', 'root')");
  send(a, b);
  at(a, 2, "DELETE FROM node WHERE id = 'a'");
  at(b, 3, "INSERT INTO node VALUES('leaf', 'a'), ('deeper', 'leaf')");
  exchange(all);
  expectAll(all, TREE, { tables: { node: [['root', null]] } });
});

test('a cycle of tables: rows that refer to each other are visible together, in every order', () => {
  const [a] = devices(1, COUPLE) as [Connection];
  at(a, 1, "BEGIN; INSERT INTO husband VALUES('h', 'w'); INSERT INTO wife VALUES('w', 'h'); COMMIT");
  at(a, 2, "INSERT INTO wife VALUES('v', NULL); INSERT INTO husband VALUES('g', 'v')");
  for (const order of everyOrder(singleRows(a))) {
    const [b] = devices(1, COUPLE) as [Connection];
    for (const packet of order) applyPayload(b, packet);
    expectAll([b], COUPLE, { tables: { husband: rows(a, 'husband'), wife: rows(a, 'wife') } });
  }
});

describe('a child of a held row', () => {
  const schema: Schema = {
    sql: `CREATE TABLE parent(id TEXT PRIMARY KEY NOT NULL, email TEXT UNIQUE);
          CREATE TABLE child(id TEXT PRIMARY KEY NOT NULL,
            parent TEXT REFERENCES parent(id) ON DELETE CASCADE);
          CREATE TABLE nulled(id TEXT PRIMARY KEY NOT NULL,
            parent TEXT REFERENCES parent(id) ON DELETE SET NULL)`,
    tables: { parent: 1, child: 1, nulled: 1 },
  };

  test('is held with it and returns with it; nothing is cascaded or nulled', () => {
    const all = devices(2, schema);
    const [a, b] = all as [Connection, Connection];
    at(
      b,
      2,
      `INSERT INTO parent VALUES('q', 'x'); INSERT INTO child VALUES('c', 'q');
       INSERT INTO nulled VALUES('n', 'q')`,
    );
    const written = dumpMetadata(b);
    at(a, 1, "INSERT INTO parent VALUES('p', 'x')");
    send(a, b);
    const names = [heldName('child', 'c'), heldName('nulled', 'n'), heldName('parent', 'q')];
    expectAll([b], schema, { tables: { parent: [['p', 'x']], child: [], nulled: [] }, held: names });
    expect(dumpMetadata(b)).toEqual(expect.arrayContaining(written));
    exchange(all);
    expectAll(all, schema, { tables: { parent: [['p', 'x']], child: [], nulled: [] }, held: names });
    at(a, 3, "UPDATE parent SET email = 'y' WHERE id = 'p'");
    exchange(all);
    expectAll(all, schema, {
      tables: {
        parent: [
          ['p', 'y'],
          ['q', 'x'],
        ],
        child: [['c', 'q']],
        nulled: [['n', 'q']],
      },
    });
    expect(dumpMetadata(b)).toEqual(expect.arrayContaining(written));
  });
});

test('without foreign_keys nothing is held: a faithful relay, as the server is', () => {
  const [relay] = devices(1, FAMILY, { foreignKeys: false }) as [Connection];
  const both = devices(2, FAMILY) as [Connection, Connection];
  const [a, b] = both;
  at(a, 1, "INSERT INTO parent VALUES('p', 'x'); INSERT INTO child VALUES('c', 'p', 'x')");
  const [parent, child] = singleRows(a) as [Buffer, Buffer];
  applyPayload(relay, child);
  expectAll([relay], FAMILY, { tables: { parent: [], child: [['c', 'p', 'x']] } });
  send(relay, b);
  expectAll([b], FAMILY, { tables: { parent: [], child: [] }, held: [heldName('child', 'c')] });
  applyPayload(relay, parent);
  send(relay, b);
  expectAll(both, FAMILY, { tables: { parent: [['p', 'x']], child: [['c', 'p', 'x']] } });
});
