/**
 * files.ts: all files of a simulated disk as they are at a moment: what a backup takes and a restore brings back.
 */
import { simulate } from './simulated.js';

export type Files = ReadonlyMap<string, Buffer>;

/** The content of every file, as the processes see it. */
export function filesOf(disk: string): Files {
  const names = JSON.parse(simulate('files', disk) as string) as string[];
  return new Map(
    names.map((name) => [name, (simulate('file', disk, name) as Buffer | null) ?? Buffer.alloc(0)]),
  );
}

/** Puts these files in the place of those that are there. Open handles die. */
export function putFiles(disk: string, files: Files): void {
  simulate('crash', disk);
  for (const name of filesOf(disk).keys()) simulate('file_delete', disk, name);
  for (const [name, content] of files) {
    // Shared memory of a WAL is made anew by the first connection.
    if (!name.endsWith('-shm')) simulate('file_write', disk, name, content);
  }
}
