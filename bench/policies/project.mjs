/**
 * project.mjs: a database with one project and its members, with policies and without: what the figures of waiting
 * devices are measured on.
 */
import { randomUUID } from 'node:crypto';
import { ADD_MEMBER, MEMBERSHIP } from './application.mjs';

/** What is compared. */
export const KINDS_OF_PROJECT = [
  { key: 'without', name: 'without policies' },
  { key: 'membership', name: 'membership', policies: MEMBERSHIP },
];

/**
 * Makes a database.
 * @param people the members of `the project`
 * @returns { database: its name, admin: a device with the key of the administrator }
 */
export async function openProject(stage, database, { policies }, people) {
  const admin = await stage.loadDevice(database);
  await admin.push(
    admin.packet((db) => {
      const add = db.prepare(ADD_MEMBER);
      for (const person of people) add.run(randomUUID(), 'the project', person);
    }),
  );
  if (policies !== undefined) await stage.deploy(database, policies);
  return { database, admin };
}
