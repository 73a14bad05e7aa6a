/**
 * operations.ts: the commands of an operator: `cloudsync backup`, `cloudsync restore`, `cloudsync doctor`.
 */
import { existsSync } from 'node:fs';
import { type DataDirectory, openDataDirectory } from '../data-directory.js';
import { DATABASE_NAME } from '../limits.js';
import { BackupError, backUp, restore } from '../operations/backup.js';
import { examine } from '../operations/doctor.js';
import { recordBackup } from '../operations/file-figures.js';
import { MACHINE } from '../surroundings.js';
import { describeOptions, type OptionTable, readArguments, UsageError } from './options.js';

const OPTIONS = {
  data: { value: 'DIR', help: 'data directory of the server', environment: 'CLOUDSYNC_DATA' },
  db: { value: 'NAME', help: 'backup, restore: the database' },
} satisfies OptionTable;

export const OPERATIONS_HELP = `usage: cloudsync backup --data DIR --db NAME FILE
       cloudsync restore --data DIR --db NAME FILE
       cloudsync doctor --data DIR

backup writes a checked copy of a database into a new FILE, also while the server works. restore puts such a copy in
the place of a database while the server is stopped; the former one is kept in DIR/replaced. Devices notice, and send
again what the copy does not have. doctor looks everything over; its exit code is 1 when it finds a problem.

${describeOptions(OPTIONS)}
`;

export type Operation = 'backup' | 'restore' | 'doctor';

/**
 * Runs one command and prints its result.
 *
 * @returns the exit code
 * @throws UsageError when the command is incomplete; Error when it cannot be done
 */
export async function operate(
  operation: Operation,
  words: string[],
  environment: NodeJS.ProcessEnv,
): Promise<number> {
  const { values, operands, wantsHelp } = readArguments(OPTIONS, words, environment);
  if (wantsHelp) {
    process.stdout.write(OPERATIONS_HELP);
    return 0;
  }
  if (values.data === undefined) throw new UsageError(`${operation} needs --data DIR`);
  if (!existsSync(values.data)) throw new UsageError(`there is no data directory ${values.data}`);
  const directory = openDataDirectory(values.data);
  const [file, ...surplus] = operands;
  if (operation === 'doctor') {
    if (file !== undefined) throw new UsageError(`doctor takes no argument "${file}"`);
    return reportFindings(directory);
  }
  if (file === undefined) throw new UsageError(`${operation} needs a FILE`);
  if (surplus.length > 0) throw new UsageError(`${operation} takes no argument "${surplus[0]}"`);
  if (values.db === undefined || !DATABASE_NAME.test(values.db)) {
    throw new UsageError(`${operation} needs --db NAME: 1 to 64 characters from a-z, 0-9, - and _`);
  }
  process.stdout.write(await copyDatabase(operation, directory, values.db, file));
  return 0;
}

async function copyDatabase(
  operation: 'backup' | 'restore',
  directory: DataDirectory,
  name: string,
  file: string,
): Promise<string> {
  try {
    if (operation === 'backup') {
      const bytes = await backUp(directory, name, file);
      recordBackup(directory, name, MACHINE.now());
      return `${bytes} bytes of ${name} in ${file}\n`;
    }
    const former = await restore(directory, name, file, MACHINE);
    return `restored ${name}${former === undefined ? '' : `; the former one is ${former}`}\n`;
  } catch (error) {
    throw error instanceof BackupError ? new UsageError(error.message, { cause: error }) : error;
  }
}

function reportFindings(directory: DataDirectory): number {
  const findings = examine(directory, MACHINE.now());
  for (const { kind, text } of findings)
    process.stdout.write(`${kind === 'problem' ? 'PROBLEM ' : ''}${text}\n`);
  const problems = findings.filter(({ kind }) => kind === 'problem').length;
  process.stdout.write(`${problems} problems\n`);
  return problems > 0 ? 1 : 0;
}
