/**
 * moves.test.ts: rows, links and memberships that move while a device reads page by page: the situations in which sync
 * engines that build what enters a user's view beside what changes in it have lost rows, sent them twice or kept them.
 * Each is played over all places at which the device may have stopped, and over small pages and large ones.
 */
import { describe, expect, test } from 'vitest';
import { IS_MEMBER, policies, SCHEMA, VARIANTS, type Visibility } from './projects.ts';
import { Replica, Server, user } from './replica.ts';

const [BY_ROW, WITH_SECRETS, BOTH] = VARIANTS as [Visibility, Visibility, Visibility];
const TASKS = 5;

interface Play {
  visible: Visibility;
  /** Rows of `tasks` that ann sees in the end, by `id`. */
  end: readonly string[];
  /** What is there when the device begins; all tasks p0..p4 of project p, owned by zoe. */
  before?: readonly string[];
  /** Whether the device has read everything before the change. */
  hasRead?: boolean;
  /** The change: each entry is one commit of some statements. */
  commits: readonly (readonly string[])[];
}

const JOIN = "INSERT INTO members VALUES ('m', 'p', 'ann')";
const LEAVE = "DELETE FROM members WHERE id = 'm'";
const ALL = Array.from({ length: TASKS }, (_, i) => `p${i}`);

/** Plays it with the device stopping after every number of pages, with pages of some sizes. */
function play({ visible, end, before = [], hasRead = false, commits }: Play): void {
  for (const entries of [1, 2, TASKS + 1]) {
    for (let pages = 0; pages <= TASKS; pages += 1) {
      const server = new Server(SCHEMA);
      try {
        server.deploy(policies(visible));
        for (const id of ALL) server.sql("INSERT INTO tasks VALUES (?, 'p', 'zoe', 'title', 0)", id);
        for (const sql of before) server.sql(sql);
        const ann = new Replica(server, user('ann'));
        if (hasRead) ann.sync();
        for (const [index, commit] of commits.entries()) {
          server.database.sqlite.transaction(() => {
            for (const sql of commit) server.sql(sql);
          })();
          // Between the commits the device reads some pages, and not always to the end.
          const isLast = index === commits.length - 1;
          for (let page = 0; isLast || page < pages; page += 1) if (ann.pull({ entries })) break;
        }
        const ids = (ann.rows('tasks') as unknown[][]).map(([id]) => id);
        expect(ids, `${pages} pages of ${entries} between commits`).toEqual(end);
        expect(ann.rows('tasks')).toEqual(server.rows(ann.principal, 'tasks', visible.tasks));
      } finally {
        server.close();
      }
    }
  }
}

describe('a membership', () => {
  test('that goes and comes back in one commit takes nothing away', () => {
    play({ visible: BY_ROW, before: [JOIN], hasRead: true, commits: [[LEAVE, JOIN]], end: ALL });
  });

  test('that comes and goes in one commit brings nothing', () => {
    play({ visible: BY_ROW, hasRead: true, commits: [[JOIN, LEAVE]], end: [] });
  });

  test('that comes, goes and comes in three commits with pages between them', () => {
    play({ visible: BY_ROW, commits: [[JOIN], [LEAVE], [JOIN]], end: ALL });
  });

  test('that goes, comes and goes in three commits with pages between them', () => {
    play({ visible: BY_ROW, before: [JOIN], hasRead: true, commits: [[LEAVE], [JOIN], [LEAVE]], end: [] });
  });

  test('that goes in the commit that gives its user one of the rows', () => {
    const give = "UPDATE tasks SET owner = 'ann' WHERE id = 'p2'";
    play({ visible: BY_ROW, before: [JOIN], hasRead: true, commits: [[LEAVE, give]], end: ['p2'] });
  });
});

describe('two memberships that show the same rows', () => {
  const visible: Visibility = {
    ...BY_ROW,
    tasks: `${IS_MEMBER} OR ${IS_MEMBER.replace('project IN', 'owner IN')}`,
  };
  const joinOther = "INSERT INTO members VALUES ('n', 'zoe', 'ann')";
  const leaveOther = "DELETE FROM members WHERE id = 'n'";

  test.each([JOIN, joinOther])('both go, and one comes back before the next page: %s', (again) => {
    const commits = [[LEAVE, leaveOther], [again]];
    play({ visible, before: [JOIN, joinOther], hasRead: true, commits, end: ALL });
  });
});

describe('a link that changes while its new place is being read', () => {
  test('a row moves into the project of which the device has read some pages', () => {
    const others = "INSERT INTO tasks VALUES ('a0', 'q', 'zoe', 'title', 0), ('z0', 'q', 'zoe', 'title', 0)";
    const move = "UPDATE tasks SET project = 'p' WHERE project = 'q'";
    play({ visible: BY_ROW, before: [others], commits: [[JOIN], [move]], end: ['a0', ...ALL, 'z0'] });
  });

  test('a row moves out of the project of which the device has read some pages', () => {
    const move = "UPDATE tasks SET project = 'q' WHERE id IN ('p1', 'p3')";
    play({ visible: BY_ROW, commits: [[JOIN], [move]], end: ['p0', 'p2', 'p4'] });
  });

  test('a row moves from a project that is left into one that is joined', () => {
    const join = "INSERT INTO members VALUES ('n', 'q', 'ann')";
    const move = "UPDATE tasks SET project = 'q' WHERE id <> 'p0'";
    const [, ...end] = ALL;
    play({ visible: BY_ROW, before: [JOIN], hasRead: true, commits: [[LEAVE, join], [move]], end });
    play({ visible: BY_ROW, before: [JOIN], hasRead: true, commits: [[move], [LEAVE], [join]], end });
  });
});

describe('a condition beside the membership', () => {
  test('changes in the commit of the grant, in both directions', () => {
    const hide = "UPDATE tasks SET secret = 1 WHERE id = 'p0'";
    const show = "UPDATE tasks SET secret = 0 WHERE id = 'p1'";
    const before = ["UPDATE tasks SET secret = 1 WHERE id = 'p1'"];
    const [, ...end] = ALL;
    play({ visible: WITH_SECRETS, before, commits: [[JOIN, hide, show]], end });
    play({ visible: WITH_SECRETS, before, commits: [[JOIN], [hide, show]], end });
  });

  test('toggles in one commit', () => {
    const toggles = [1, 0].map((secret) => `UPDATE tasks SET secret = ${secret}`);
    play({ visible: WITH_SECRETS, before: [JOIN], hasRead: true, commits: [toggles], end: ALL });
  });

  test('both must hold: either is lost, and comes back', () => {
    const give = "UPDATE tasks SET owner = 'ann'";
    const take = "UPDATE tasks SET owner = 'zoe' WHERE id IN ('p0', 'p4')";
    play({ visible: BOTH, commits: [[give], [JOIN], [take]], end: ['p1', 'p2', 'p3'] });
    play({
      visible: BOTH,
      before: [JOIN, give],
      hasRead: true,
      commits: [[take], [LEAVE], [JOIN]],
      end: ['p1', 'p2', 'p3'],
    });
  });
});
