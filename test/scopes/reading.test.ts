/**
 * reading.test.ts: what a restricted principal's device is told, and what not: the problems of reading under policies,
 * each as a test of its own.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { peek } from '../../src/server/store/pull.ts';
import { policies, SCHEMA, VARIANTS, type Visibility } from './projects.ts';
import { Replica, SERVICE, Server, user } from './replica.ts';

const [VISIBLE] = VARIANTS as [Visibility];

let server: Server;

function start(visible = VISIBLE): { ann: Replica; bob: Replica } {
  server = new Server(SCHEMA);
  server.deploy(policies(visible));
  return { ann: new Replica(server, user('ann')), bob: new Replica(server, user('bob')) };
}

function addTasks(count: number, project: string, owner = 'zoe'): void {
  for (let i = 0; i < count; i += 1) {
    server.sql("INSERT INTO tasks VALUES (?, ?, ?, 'title', 0)", `${project}${i}`, project, owner);
  }
}

function titles(device: Replica): unknown[] {
  return (device.rows('tasks') as unknown[][]).map((row) => row[3]);
}

function hasNews(device: Replica): boolean {
  const input = { site: device.site, cursor: device.cursor };
  const { position, head } = peek(server.database, device.principal, input);
  return head > position;
}

afterEach(() => server.close());

describe('a grant', () => {
  test('brings the rows whole, in pages of any size, while others change them', () => {
    const { ann } = start();
    addTasks(20, 'p');
    ann.sync();
    expect(ann.rows('tasks')).toEqual([]);
    server.sql("INSERT INTO members VALUES ('m', 'p', 'ann')");
    for (let page = 0; !ann.pull({ entries: 3 }); page += 1) {
      server.sql("UPDATE tasks SET title = 'changed' WHERE id = ?", `p${page % 20}`);
      if (page > 30) throw new Error('the pages do not end');
      if (page > 10) break;
    }
    while (!ann.pull({ entries: 3 }));
    expect(ann.rows('tasks')).toEqual(server.rows(ann.principal, 'tasks', 'true'));
  });

  test('of more rows than a page has room for loses none at the ends of pages', () => {
    const { ann } = start();
    addTasks(30, 'p');
    server.sql('UPDATE tasks SET title = hex(randomblob(300))');
    server.sql("INSERT INTO members VALUES ('m', 'p', 'ann')");
    let pages = 1;
    while (!ann.pull({ maxBytes: 4096 })) pages += 1;
    expect(pages).toBeGreaterThan(2);
    expect(ann.rows('tasks')).toEqual(server.rows(ann.principal, 'tasks', 'true'));
  });

  test('that came, went and came again between two pages is no matter', () => {
    const { ann } = start();
    addTasks(9, 'p');
    server.sql("INSERT INTO members VALUES ('m', 'p', 'ann')");
    ann.pull({ entries: 4 });
    server.sql("DELETE FROM members WHERE id = 'm'");
    ann.pull({ entries: 2 });
    server.sql("INSERT INTO members VALUES ('m2', 'p', 'ann')");
    while (!ann.pull({ entries: 2 }));
    expect(ann.rows('tasks')).toHaveLength(9);
  });

  test('after a revocation brings rows again that the device had forgotten', () => {
    const { ann } = start();
    addTasks(2, 'p');
    server.sql("INSERT INTO members VALUES ('m', 'p', 'ann')");
    ann.sync();
    server.sql("DELETE FROM members WHERE id = 'm'");
    ann.sync();
    expect(ann.rows('tasks')).toEqual([]);
    server.sql("INSERT INTO members VALUES ('m', 'p', 'ann')");
    ann.sync();
    expect(ann.rows('tasks')).toHaveLength(2);
  });

  test('by claims counts with the next token', () => {
    start({ ...VISIBLE, tasks: "project IN (SELECT value FROM json_each(auth_claim('$.projects')))" });
    addTasks(2, 'p');
    const device = new Replica(server, user('ann', { projects: ['q'] }));
    device.sync();
    expect(device.rows('tasks')).toHaveLength(0);
    device.principal = user('ann', { projects: ['q', 'p'] });
    device.sync();
    expect(device.rows('tasks')).toHaveLength(2);
  });
});

describe('a row that leaves', () => {
  test('is taken back from a device that had it, and named to no other', () => {
    const { ann, bob } = start();
    addTasks(1, 'p', 'ann');
    ann.sync();
    server.sql("UPDATE tasks SET owner = 'zoe'");
    ann.sync();
    bob.sync();
    expect([ann.forgotten, bob.forgotten]).toEqual([1, 0]);
    expect(ann.rows('tasks')).toEqual([]);
  });

  test('is not named to a device that came later', () => {
    start();
    addTasks(3, 'p', 'ann');
    const first = new Replica(server, user('ann'));
    first.sync();
    server.sql("UPDATE tasks SET owner = 'zoe'");
    const second = new Replica(server, user('ann'));
    second.sync();
    first.sync();
    expect([first.forgotten, second.forgotten]).toEqual([3, 0]);
  });

  test('comes back and leaves again while the device is away', () => {
    const { ann, bob } = start();
    addTasks(1, 'p', 'ann');
    ann.sync();
    for (const owner of ['zoe', 'ann', 'zoe']) {
      server.sql('UPDATE tasks SET owner = ?', owner);
      bob.sync();
    }
    ann.sync();
    expect(ann.rows('tasks')).toEqual([]);
  });

  test('stays on a device that has it by another way', () => {
    const { ann } = start();
    addTasks(1, 'p', 'ann');
    server.sql("INSERT INTO members VALUES ('m', 'p', 'ann')");
    ann.sync();
    server.sql("DELETE FROM members WHERE id = 'm'");
    ann.sync();
    expect(ann.rows('tasks')).toHaveLength(1);
    server.sql("UPDATE tasks SET owner = 'zoe'");
    ann.sync();
    expect(ann.rows('tasks')).toEqual([]);
  });

  test('because the membership is deleted with its project, is taken back all the same', () => {
    const { ann } = start();
    addTasks(2, 'p');
    server.sql("INSERT INTO projects VALUES ('p', 'zoe', 'P')");
    server.sql("INSERT INTO members VALUES ('m', 'p', 'ann')");
    ann.sync();
    for (const table of ['members', 'projects', 'tasks']) server.sql(`DELETE FROM ${table}`);
    ann.sync();
    for (const table of ['tasks', 'projects', 'members']) expect(ann.rows(table)).toEqual([]);
  });

  test('and is deleted then, tells nothing to those who never saw it', () => {
    const { ann, bob } = start();
    addTasks(2, 'p', 'ann');
    ann.sync();
    bob.sync();
    server.sql('DELETE FROM tasks');
    ann.sync();
    bob.sync();
    const clocks = 'SELECT count(*) FROM tasks_cloudsync';
    expect(ann.rows('tasks')).toEqual([]);
    expect(bob.sqlite.prepare(clocks).pluck().get()).toBe(0);
  });

  test('takes its children along, and brings them back', () => {
    const { ann } = start();
    addTasks(1, 'p', 'ann');
    server.sql("INSERT INTO comments VALUES ('c', 'p0', 'text')");
    ann.sync();
    expect(ann.rows('comments')).toHaveLength(1);
    server.sql("UPDATE tasks SET owner = 'zoe'");
    ann.sync();
    expect(ann.rows('comments')).toEqual([]);
    server.sql("UPDATE tasks SET owner = 'ann'");
    ann.sync();
    expect(ann.rows('comments')).toHaveLength(1);
  });

  test('a link that moves from one parent to another in one commit', () => {
    const { ann } = start();
    addTasks(1, 'p', 'ann');
    addTasks(1, 'q', 'zoe');
    server.sql("INSERT INTO comments VALUES ('c', 'p0', 'text'), ('d', 'q0', 'text')");
    ann.sync();
    server.database.sqlite.transaction(() => {
      server.sql("UPDATE comments SET task = 'q0' WHERE id = 'c'");
      server.sql("UPDATE comments SET task = 'p0' WHERE id = 'd'");
      server.sql("UPDATE tasks SET owner = 'zoe' WHERE id = 'p0'");
      server.sql("UPDATE tasks SET owner = 'ann' WHERE id = 'p0'");
    })();
    ann.sync();
    expect(ann.rows('comments')).toEqual([['d', 'p0', 'text']]);
  });

  test('that its own device made forget, and that is granted again before it reads, comes back', () => {
    const { ann } = start();
    addTasks(1, 'p');
    server.sql("INSERT INTO members VALUES ('m', 'p', 'ann')");
    ann.sync();
    ann.sql("UPDATE tasks SET title = 'a last word'");
    ann.sql("DELETE FROM members WHERE id = 'm'");
    ann.push();
    expect(ann.rows('tasks')).toEqual([]);
    server.sql("INSERT INTO members VALUES ('n', 'p', 'ann')");
    while (!ann.pull());
    expect(titles(ann)).toEqual(['a last word']);
  });

  test('that its own device has just made, and another took over before it read, is taken back', () => {
    const { ann, bob } = start();
    ann.sql("INSERT INTO tasks VALUES ('t', 'p', 'ann', 'mine', 0)");
    ann.push();
    server.sql("UPDATE tasks SET owner = 'bob'");
    while (!ann.pull());
    bob.sync();
    expect(ann.rows('tasks')).toEqual([]);
    expect(titles(bob)).toEqual(['mine']);
  });
});

describe('news', () => {
  test('are for those whom they concern', () => {
    const { ann, bob } = start();
    ann.sync();
    bob.sync();
    expect([hasNews(ann), hasNews(bob)]).toEqual([false, false]);
    addTasks(1, 'p', 'ann');
    expect([hasNews(ann), hasNews(bob)]).toEqual([true, false]);
    server.sql("INSERT INTO members VALUES ('m', 'p', 'bob')");
    expect(hasNews(bob)).toBe(true);
  });

  test('do not grow the cursor of others, nor change a page', () => {
    const { ann, bob } = start();
    addTasks(1, 'p', 'ann');
    bob.sync();
    const before = bob.cursor.length;
    addTasks(60, 'q', 'ann');
    ann.sync();
    bob.sync();
    expect(bob.cursor.length).toBe(before);
    expect(bob.rows('tasks')).toEqual([]);
  });
});

describe('a device that begins anew', () => {
  test('when policies come, keeps only what its user sees', () => {
    server = new Server(SCHEMA);
    const ann = new Replica(server, user('ann'));
    addTasks(2, 'p', 'ann');
    addTasks(2, 'q', 'zoe');
    ann.sync();
    expect(ann.rows('tasks')).toHaveLength(4);
    server.deploy(policies(VISIBLE));
    ann.sync();
    expect(ann.resets).toBe(1);
    expect(ann.rows('tasks')).toHaveLength(2);
    ann.sync();
    expect(ann.resets).toBe(1);
  });

  test('when its principal is no longer restricted, gets everything', () => {
    const { ann } = start();
    addTasks(2, 'p', 'zoe');
    ann.sync();
    ann.principal = { ...SERVICE, subject: 'ann' };
    ann.sync();
    expect(ann.resets).toBe(1);
    expect(ann.rows('tasks')).toHaveLength(2);
  });

  test('with an empty cursor, forgets what it had', () => {
    const { ann } = start();
    addTasks(2, 'p', 'ann');
    ann.sync();
    ann.sync();
    ann.cursor = Buffer.alloc(0);
    server.sql("UPDATE tasks SET owner = 'zoe' WHERE id = 'p0'");
    ann.sync();
    expect(ann.rows('tasks')).toHaveLength(1);
  });

  test('not after a deploy that leaves its branches as they are', () => {
    const { ann } = start();
    addTasks(5, 'p', 'ann');
    ann.sync();
    server.deploy(policies({ ...VISIBLE, shares: 'true' }, 'false'));
    expect(hasNews(ann)).toBe(false);
    ann.sync();
    expect([ann.resets, ann.forgotten]).toEqual([0, 0]);
    expect(ann.rows('tasks')).toHaveLength(5);
  });

  test('a cursor that somebody has changed is refused', () => {
    const { ann } = start();
    ann.sync();
    ann.cursor[20] = (ann.cursor[20] ?? 0) ^ 1;
    expect(() => ann.pull()).toThrow(/did not make it/);
    ann.cursor = ann.cursor.subarray(0, 5);
    expect(() => ann.pull()).toThrow(/did not make it/);
  });
});

describe('a policy that fails on what a row holds', () => {
  test('hides that row and stops no other', () => {
    const { ann } = start({ ...VISIBLE, tasks: "json_extract(title, '$.by') = auth_userid()" });
    ann.sql("INSERT INTO tasks VALUES ('1', 'p', 'x', 'no json', 0), ('2', 'p', 'x', '{\"by\":\"ann\"}', 0)");
    ann.sync();
    expect((ann.rows('tasks') as unknown[][]).map(([id]) => id)).toEqual(['2']);
    server.deploy(
      policies({ ...VISIBLE, tasks: "json_extract(title, '$.by') = auth_userid() AND secret = 0" }),
    );
    ann.sync();
    expect((ann.rows('tasks') as unknown[][]).map(([id]) => id)).toEqual(['2']);
  });
});
