/**
 * key.ts: `cloudsync key`: adds, lists and revokes keys. It works on the key table directly; a running server
 * notices at once.
 */
import { existsSync } from 'node:fs';
import { openDataDirectory } from '../data-directory.js';
import { type KeyRow, KeyStore } from '../keys/key-store.js';
import { DATABASE_NAME } from '../limits.js';
import { ROLES } from '../principal.js';
import { describeOptions, type OptionTable, readArguments, readChoice, UsageError } from './options.js';

const OPTIONS = {
  data: { value: 'DIR', help: 'data directory of the server', environment: 'CLOUDSYNC_DATA' },
  role: {
    value: 'ROLE',
    help:
      'add: admin (everything), schema (sync, create databases and tables), service (sync) or' +
      ' anon (sync what policies allow)',
    fallback: 'service',
  },
  db: { value: 'NAME', help: 'add: the only database that the key may use, * for all', fallback: '*' },
  label: { value: 'TEXT', help: 'add: what the key is for' },
  subject: {
    value: 'NAME',
    help: 'add: whom its devices belong to; give it again to replace a key (default its id)',
  },
} satisfies OptionTable;

export const KEY_HELP = `usage: cloudsync key add --data DIR [options]
       cloudsync key list --data DIR
       cloudsync key revoke --data DIR ID

A key is printed once, when it is added. A revoked key is refused from the next request on.

${describeOptions(OPTIONS)}
`;

type Values = Partial<Record<keyof typeof OPTIONS, string>>;

/**
 * Runs one key command and prints its result.
 *
 * @throws UsageError when the command is incomplete or names something that does not exist
 */
export function manageKeys(words: string[], environment: NodeJS.ProcessEnv): void {
  const { values, operands, wantsHelp } = readArguments(OPTIONS, words, environment);
  if (wantsHelp) {
    process.stdout.write(KEY_HELP);
    return;
  }
  const [action, id, ...surplus] = operands;
  if (action !== 'add' && action !== 'list' && action !== 'revoke') {
    throw new UsageError('key needs one of the words add, list, revoke');
  }
  const expected = action === 'revoke' ? 2 : 1;
  if (operands.length > expected)
    throw new UsageError(`key ${action} takes no argument "${surplus[0] ?? id}"`);
  const keys = openKeys(values, action === 'add');
  try {
    if (action === 'add') process.stdout.write(addKey(keys, values));
    else if (action === 'list') process.stdout.write(describeKeys(keys.list()));
    else process.stdout.write(revokeKey(keys, id));
  } finally {
    keys.close();
  }
}

function openKeys(values: Values, create: boolean): KeyStore {
  if (values.data === undefined) throw new UsageError('key needs --data DIR');
  if (!create && !existsSync(values.data)) throw new UsageError(`there is no data directory ${values.data}`);
  return new KeyStore(openDataDirectory(values.data).keys, (error) => {
    throw error;
  });
}

function addKey(keys: KeyStore, values: Values): string {
  const role = readChoice('role', values.role ?? OPTIONS.role.fallback, ROLES);
  const database = values.db ?? OPTIONS.db.fallback;
  if (database !== '*' && !DATABASE_NAME.test(database)) {
    throw new UsageError(`--db ${database}: expected * or 1 to 64 characters from a-z, 0-9, - and _`);
  }
  const { id, text } = keys.add({ role, database, label: values.label ?? '', subject: values.subject });
  return `key ${id} (keep it, it will not be shown again): ${text}\n`;
}

function revokeKey(keys: KeyStore, id: string | undefined): string {
  if (id === undefined) throw new UsageError('key revoke needs the ID of a key; key list shows them');
  if (!keys.revoke(id))
    throw new UsageError(`there is no key ${id} that could be revoked; key list shows them`);
  return `revoked key ${id}\n`;
}

function describeKeys(rows: readonly KeyRow[]): string {
  const head = ['id', 'role', 'db', 'subject', 'created', 'last used', 'revoked', 'label'];
  const lines = rows.map((row) => [
    row.id,
    row.role,
    row.database,
    row.subject,
    describeTime(row.created),
    describeTime(row.last_used),
    describeTime(row.revoked),
    row.label,
  ]);
  const table = [head, ...lines];
  const widths = head.map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  const format = (line: string[]) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return table.map((line) => `${format(line).trimEnd()}\n`).join('');
}

function describeTime(milliseconds: number | null): string {
  return milliseconds === null ? '-' : new Date(milliseconds).toISOString().slice(0, 19);
}
