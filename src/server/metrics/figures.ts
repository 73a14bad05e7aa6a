/**
 * figures.ts: figures about the state of a running server, which are read when somebody looks: how much waits for each
 * worker thread, how large the files are, how old the backups.
 */
import type { DataDirectory } from '../data-directory.js';
import { type FileFigures, readFileFigures } from '../operations/file-figures.js';
import type { WorkerStore } from '../store/worker-store.js';
import { MACHINE } from '../surroundings.js';
import type { Metrics } from './metrics.js';

/** Adds them, and those of the process. */
export function addStandingFigures(metrics: Metrics, store: WorkerStore, directory: DataDirectory): void {
  metrics.watchProcess();
  const queues = () => store.threads.map(({ waiting }, index): [string, number] => [String(index), waiting]);
  metrics.addReading('worker_jobs', 'Requests that wait for a worker thread or are in it.', queues, 'worker');
  const readFiles = sharedBetweenReaders(() => readFileFigures(directory, MACHINE.now()));
  const addFileFigure = (name: string, help: string, pick: (figures: FileFigures) => number) => {
    metrics.addReading(name, help, async () => [['', pick(await readFiles())]]);
  };
  addFileFigure('databases', 'Databases in the data directory.', ({ databases }) => databases);
  addFileFigure('database_bytes', 'Bytes of all database files.', ({ databaseBytes }) => databaseBytes);
  addFileFigure('wal_bytes', 'Bytes of the write-ahead logs of all databases.', ({ walBytes }) => walBytes);
  addFileFigure(
    'databases_without_backup',
    'Databases of which cloudsync backup has never made a copy.',
    ({ withoutBackup }) => withoutBackup,
  );
  addFileFigure(
    'oldest_backup_age_seconds',
    'Age of the newest copy of a database, of the database where it is oldest.',
    ({ oldestBackup }) => oldestBackup / 1000,
  );
}

/** All who ask while an answer is being made get that one: the figures of one report come from one look. */
function sharedBetweenReaders<Answer>(read: () => Promise<Answer>): () => Promise<Answer> {
  let pending: Promise<Answer> | undefined;
  return () => {
    pending ??= read().finally(() => {
      pending = undefined;
    });
    return pending;
  };
}
