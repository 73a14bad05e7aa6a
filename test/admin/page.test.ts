/**
 * page.test.ts: the admin page in a real browser, with a real server and devices that have synchronised.
 * CLOUDSYNC_SCREENSHOT=1 makes the picture of README.md afresh.
 */
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addKey, runProgram } from '../support/server.js';
import { chromiumFile, startBrowser } from './browser.js';
import { makeTeam, POLICIES, writeWhatIsRefused } from './team.js';
import { Visit } from './visit.js';
import { HOSTILE, keyId, LONG_NAME, startWorld, stopWorld, type World } from './world.js';

const PICTURE = join(import.meta.dirname, '../../docs/admin.png');

let world: World;
let browser: Browser;
let strangeSite: string;
let visit: Visit;
let page: Page;

async function makeWorld(): Promise<void> {
  world = await startWorld();
  makeTeam(world.server);
  strangeSite = await writeWhatIsRefused(world.server, HOSTILE, "ada's second");
}

/** Signs in with the first admin key. */
async function enter(): Promise<void> {
  await visit.signIn(world.server.key);
  await visit.heading('Databases');
}

if (chromiumFile === undefined) {
  test.skip(
    'the admin page: left out, no Chromium here (set CLOUDSYNC_CHROMIUM, or apt-get install chromium)',
  );
}

describe.skipIf(chromiumFile === undefined)('the admin page', () => {
  beforeAll(async () => {
    [browser] = await Promise.all([startBrowser(), makeWorld()]);
  });
  afterAll(async () => {
    await browser?.close();
    await stopWorld(world);
  });
  beforeEach(async () => {
    visit = await Visit.begin(browser, world.server);
    page = visit.page;
  });
  afterEach(async () => {
    expect(visit.complaints).toEqual([]);
    expect(visit.addresses.filter((each) => !each.startsWith(`${world.server.url}/admin`))).toEqual([]);
    expect(await page.locator('main img, main script').count()).toBe(0);
    expect(await visit.isTooWide()).toBe(false);
    await page.close();
  });

  test('shows nothing before the key', async () => {
    await visit.heading('cloudsync admin');
    expect(await page.locator('nav, table').filter({ visible: true }).count()).toBe(0);
    expect(visit.addresses.filter((address) => address.includes('/admin/v1/'))).toEqual([]);
  });

  test.each([
    ['nonsense', 'This key is wrong or revoked.'],
    ['two words', 'This is no key: a key begins with csk_ and has no spaces.'],
    ['of a device', 'This key is valid, but its role is not admin.'],
    ['revoked', 'This key is wrong or revoked.'],
  ])('refuses a key that is %s, and says why', async (kind, words) => {
    const keys: Record<string, string> = { 'of a device': world.serviceKey, revoked: world.revokedKey };
    await visit.signIn(keys[kind] ?? kind);
    expect(await visit.problem()).toBe(words);
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    expect(await page.getByLabel('Admin key').isVisible()).toBe(true);
  });

  test('shows databases, and one with its tables', async () => {
    await enter();
    const shown = await visit.cells('Databases');
    expect(shown.map(([name, , ...others]) => [name, ...others.slice(0, 6)])).toEqual([
      ['home', '2', '3', 'just now', '0', '0', 'none'],
      ['team', '4', '2', 'just now', '0', '2', 'version 1'],
      ['work', '1', '1', 'just now', '0', '0', 'none'],
    ]);
    await page.getByRole('link', { name: 'home' }).click();
    await visit.heading('Database home');
    expect(await visit.cells('Tables')).toEqual([
      [HOSTILE, 'cls', '0'],
      ['todos', 'cls', '3'],
    ]);
    await page.goBack();
    await visit.heading('Databases');
  });

  test('shows devices; names from outside are text, whatever they look like and however long they are', async () => {
    await enter();
    await visit.open('Devices');
    const shown = await visit.cells('Devices');
    expect(shown.map(([site]) => site).sort()).toEqual(world.devices.map(({ site }) => site).sort());
    expect(shown.map(([, subject]) => subject).sort()).toEqual(
      [HOSTILE, LONG_NAME, keyId(world.server.key)].sort(),
    );
    expect(shown.map((row) => row[3]).sort()).toEqual(['1 row', '2 rows', 'up to date']);
    expect(await page.title()).toBe('Devices · cloudsync');
    await page.getByLabel('Database').selectOption('work');
    await expect.poll(async () => (await visit.cells('Devices')).length).toBe(1);
    expect(new URL(page.url()).hash).toBe('#/devices/work');
  });

  test('shows rejected writes', async () => {
    await enter();
    await visit.open('Rejected writes');
    expect(await page.locator('main .empty').textContent()).toMatch(/^No write/);
    await page.getByLabel('Database').selectOption('team');
    const shown = await visit.cells('Rejected writes');
    const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;
    expect(shown.map((row) => row[2]).sort()).toEqual([literal("ada's second"), literal(HOSTILE)].sort());
    for (const [, table, , code, reason, subject, site] of shown) {
      expect([table, code, subject, site]).toEqual(['projects', 'denied', 'a stranger', strangeSite]);
      expect(reason).not.toBe('');
    }
  });

  test('shows policies, and a database with the eyes of a user', async () => {
    await enter();
    await visit.open('Policies');
    expect(await page.locator('main .empty').textContent()).toMatch(/sees all of it/);
    await page.getByLabel('Database').selectOption('team');
    await expect.poll(() => page.getByLabel('Text in force').textContent()).toBe(POLICIES);
    await page.getByLabel('User').fill('ada');
    await page.keyboard.press('Enter');
    expect(await visit.cells('Rows that this user sees')).toEqual([
      ['projects', '2', "'ada''s' 'bob''s'"],
      ['members', '1', "'bob''s', 'ada'"],
      ['tasks', '2', '2 3'],
      ['drafts', 'no policy', ''],
    ]);
    await page.getByLabel('Other claims').fill('{"boss": 1}');
    await page.getByRole('button', { name: 'View' }).click();
    await expect.poll(async () => (await visit.cells('Rows that this user sees'))[2]?.[1]).toBe('3');
    await page.getByLabel('Other claims').fill('[1]');
    await page.getByRole('button', { name: 'View' }).click();
    expect(await visit.problem()).toMatch(/no JSON object/);
  });

  test('shows keys without their secrets', async () => {
    await enter();
    await visit.open('Keys');
    const states = new Map((await visit.cells('Keys')).map((row) => [row[0], row.at(-1)]));
    expect(states.get(keyId(world.server.key))).toBe('valid');
    expect(states.get(keyId(world.revokedKey))).toMatch(/^revoked/);
    expect(await page.content()).not.toContain(world.server.key.split('_')[2]);
  });

  test('shows what is new after Refresh', async () => {
    await enter();
    world.devices[0]?.run("INSERT INTO todos VALUES ('new', '', 0)").sync();
    await page.getByRole('button', { name: 'Refresh' }).click();
    await expect.poll(async () => (await visit.cells('Databases'))[0]?.at(-1)).toBe('4');
  });

  test('can be used with the keyboard alone', async () => {
    await page.keyboard.type(world.server.key);
    await page.keyboard.press('Enter');
    await visit.heading('Databases');
    const focus = () => page.evaluate('document.activeElement.textContent');
    for (let presses = 0; (await focus()) !== 'Devices'; presses += 1) {
      expect(presses, 'presses of Shift+Tab from the content back to the link Devices').toBeLessThan(8);
      await page.keyboard.press('Shift+Tab');
    }
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
    await page.keyboard.press('Enter');
    await visit.heading('Devices');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
  });

  test('keeps the key in this tab only, through a reload, and forgets it when told', async () => {
    await enter();
    await page.reload();
    await visit.heading('Databases');
    expect(await page.evaluate('[localStorage.length, document.cookie]')).toEqual([0, '']);
    await page.getByRole('button', { name: 'Sign out' }).click();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    await page.reload();
    await visit.heading('cloudsync admin');
  });

  test('asks for a key again when it was revoked meanwhile', async () => {
    const key = addKey(world.server.dataDirectory, '--role', 'admin');
    await visit.signIn(key);
    await visit.heading('Databases');
    runProgram('key', 'revoke', '--data', world.server.dataDirectory, keyId(key));
    await page.getByRole('button', { name: 'Refresh' }).click();
    expect(await visit.problem()).toBe('This key is wrong or revoked.');
    expect(await page.locator('table').count()).toBe(0);
  });

  test('says what an admin key of one database may not see', async () => {
    await visit.signIn(world.workKey);
    expect((await visit.cells('Databases')).map(([name]) => name)).toEqual(['work']);
    await page.getByRole('link', { name: 'Keys' }).click();
    expect(await visit.problem()).toMatch(/role admin for all databases/);
  });

  test('follows the system in light and dark', async () => {
    const background = () => page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    await page.emulateMedia({ colorScheme: 'light' });
    expect(await background()).toBe('rgb(246, 247, 248)');
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await background()).toBe('rgb(20, 24, 28)');
  });

  if (process.env['CLOUDSYNC_SCREENSHOT'] === '1') {
    test('has its picture taken', async () => {
      await enter();
      await visit.open('Policies');
      await page.getByLabel('Database').selectOption('team');
      await page.getByLabel('User').fill('ada');
      await page.getByLabel('User').press('Enter');
      await visit.cells('Rows that this user sees');
      await page.screenshot({ path: PICTURE, fullPage: true });
    });
  }
});
