/**
 * victim.mjs: a process that works on a database until it is killed. Arguments: the file, the extension or
 * `-` for a program that knows nothing of cloudsync, the first number to use, and a folder with payloads to
 * apply, over and over. After each step that has been committed it prints one line at once: w N (rows wN-a and
 * wN-b were written), f N (folded), p N (the payload N was applied).
 */
import { readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

const [file, extension, first, folder] = process.argv.slice(2);
const db = new Database(file);
if (extension !== '-') db.loadExtension(extension);

const insert = db.prepare('INSERT INTO t VALUES(?, ?)');
const count = db.prepare("UPDATE t SET a = a + 1 WHERE id = 'counter'");
const writePair = db.transaction((number) => {
  insert.run(`w${number}-a`, BigInt(number));
  count.run();
  insert.run(`w${number}-b`, BigInt(number));
});

const steps = {
  w: writePair,
  f: () => db.prepare('SELECT length(cloudsync_payload_encode())').get(),
  p: (number) =>
    db.prepare('SELECT cloudsync_payload_apply(?)').get(readFileSync(join(folder, `${number}.csp`))),
};
const payloads = readdirSync(folder).length;
const order = extension === '-' ? ['w'] : ['w', 'p', 'f', 'w', 'w', 'f'];

for (let number = Number(first); ; number++) {
  for (const [i, step] of order.entries()) {
    const id = step === 'p' ? number % payloads : number * order.length + i;
    steps[step](id);
    writeSync(1, `${step} ${id}\n`);
  }
}
