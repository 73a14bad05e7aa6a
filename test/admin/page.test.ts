/**
 * page.test.ts: the admin page in a real browser, with a real server and devices that have synchronised.
 * CLOUDSYNC_SCREENSHOT=1 makes the picture of README.md afresh.
 */
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { addKey, runProgram } from '../support/server.js';
import { chromiumFile, startBrowser } from './browser.js';
import { HOSTILE, keyId, LONG_NAME, startWorld, stopWorld, type World } from './world.js';

const PICTURE = join(import.meta.dirname, '../../docs/admin.png');
const SIZE = { width: 1100, height: 620 };

let world: World;
let browser: Browser;
let page: Page;
/** What the browser complained about, and every address that it asked for. */
let complaints: string[];
let addresses: string[];

async function openPage(): Promise<void> {
  page = await browser.newPage({ viewport: SIZE });
  page.setDefaultTimeout(20_000);
  [complaints, addresses] = [[], []];
  page.on('console', (message) => {
    // A refused request is reported by the browser too; the page says it in words.
    if (!/status of 40[13]/.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => complaints.push(`dialog: ${dialog.message()}`));
  page.on('request', (request) => addresses.push(request.url()));
  await page.goto(`${world.server.url}/admin`);
}

async function signIn(key = world.server.key): Promise<void> {
  await page.getByLabel('Admin key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Goes to a section by its link and waits for its heading. */
async function open(section: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name: section }).click();
  await heading(section);
}

async function heading(name: string): Promise<void> {
  await page.getByRole('heading', { name, exact: true }).waitFor();
}

/** The cells of a table row by row, as a person reads them. */
async function cells(table: string): Promise<string[][]> {
  const rows = await page.getByRole('table', { name: table }).locator('tbody tr').all();
  return Promise.all(rows.map((row) => row.locator('td').allInnerTexts()));
}

/** Whether something is wider than the window. */
async function isTooWide(): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth > window.innerWidth');
}

if (chromiumFile === undefined) {
  test.skip(
    'the admin page: left out, no Chromium here (set CLOUDSYNC_CHROMIUM, or apt-get install chromium)',
  );
}

describe.skipIf(chromiumFile === undefined)('the admin page', () => {
  beforeAll(async () => {
    [world, browser] = await Promise.all([startWorld(), startBrowser()]);
  });
  afterAll(async () => {
    await browser?.close();
    await stopWorld(world);
  });
  beforeEach(openPage);
  afterEach(async () => {
    expect(complaints).toEqual([]);
    expect(addresses.filter((address) => !address.startsWith(`${world.server.url}/admin`))).toEqual([]);
    await page.close();
  });

  test('shows nothing before the key', async () => {
    await heading('cloudsync admin');
    expect(await page.locator('nav, table').filter({ visible: true }).count()).toBe(0);
    expect(addresses.filter((address) => address.includes('/admin/v1/'))).toEqual([]);
  });

  test.each([
    ['nonsense', 'This key is wrong or revoked.'],
    ['two words', 'This is no key: a key begins with csk_ and has no spaces.'],
    ['of a device', 'This key is valid, but its role is not admin.'],
    ['revoked', 'This key is wrong or revoked.'],
  ])('refuses a key that is %s, and says why', async (kind, words) => {
    const keys: Record<string, string> = { 'of a device': world.serviceKey, revoked: world.revokedKey };
    await signIn(keys[kind] ?? kind);
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toBe(words);
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    expect(await page.getByLabel('Admin key').isVisible()).toBe(true);
  });

  test('shows databases, and one with its tables', async () => {
    await signIn();
    await heading('Databases');
    const shown = await cells('Databases');
    expect(shown.map(([name, , tables, devices, seen]) => [name, tables, devices, seen])).toEqual([
      ['home', '2', '3', 'just now'],
      ['work', '1', '1', 'just now'],
    ]);
    await page.getByRole('link', { name: 'home' }).click();
    await heading('Database home');
    expect(await cells('Tables')).toEqual([
      [HOSTILE, 'cls', '0'],
      ['todos', 'cls', '3'],
    ]);
    await page.goBack();
    await heading('Databases');
  });

  test('shows devices; names from outside are text, whatever they look like and however long they are', async () => {
    await signIn();
    await heading('Databases');
    await open('Devices');
    const shown = await cells('Devices');
    expect(shown.map(([site]) => site).sort()).toEqual(world.devices.map(({ site }) => site).sort());
    expect(shown.map(([, subject]) => subject).sort()).toEqual(
      [HOSTILE, LONG_NAME, keyId(world.server.key)].sort(),
    );
    expect(await page.locator('main img, main script').count()).toBe(0);
    expect(await page.title()).toBe('Devices · cloudsync');
    expect(await isTooWide()).toBe(false);
    await page.getByLabel('Database').selectOption('work');
    await expect.poll(async () => (await cells('Devices')).length).toBe(1);
    expect(new URL(page.url()).hash).toBe('#/devices/work');
  });

  test('shows keys without their secrets', async () => {
    await signIn();
    await heading('Databases');
    await open('Keys');
    const states = new Map((await cells('Keys')).map((row) => [row[0], row.at(-1)]));
    expect(states.get(keyId(world.server.key))).toBe('valid');
    expect(states.get(keyId(world.revokedKey))).toMatch(/^revoked/);
    expect(await page.content()).not.toContain(world.server.key.split('_')[2]);
    expect(await isTooWide()).toBe(false);
  });

  test('shows what is new after Refresh', async () => {
    await signIn();
    await heading('Databases');
    world.devices[0]?.run("INSERT INTO todos VALUES ('new', '', 0)").sync();
    await page.getByRole('button', { name: 'Refresh' }).click();
    await expect.poll(async () => (await cells('Databases'))[0]?.at(-1)).toBe('4');
  });

  test('can be used with the keyboard alone', async () => {
    await page.keyboard.type(world.server.key);
    await page.keyboard.press('Enter');
    await heading('Databases');
    const focus = () => page.evaluate('document.activeElement.textContent');
    for (let presses = 0; (await focus()) !== 'Devices'; presses += 1) {
      expect(presses, 'presses of Tab until the link Devices').toBeLessThan(12);
      await page.keyboard.press('Tab');
    }
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
    await page.keyboard.press('Enter');
    await heading('Devices');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
  });

  test('keeps the key in this tab only, through a reload, and forgets it when told', async () => {
    await signIn();
    await heading('Databases');
    await page.reload();
    await heading('Databases');
    expect(await page.evaluate('[localStorage.length, document.cookie]')).toEqual([0, '']);
    await page.getByRole('button', { name: 'Sign out' }).click();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    await page.reload();
    await heading('cloudsync admin');
  });

  test('asks for a key again when it was revoked meanwhile', async () => {
    const key = addKey(world.server.dataDirectory, '--role', 'admin');
    await signIn(key);
    await heading('Databases');
    runProgram('key', 'revoke', '--data', world.server.dataDirectory, keyId(key));
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toBe('This key is wrong or revoked.');
    expect(await page.locator('table').count()).toBe(0);
  });

  test('says what an admin key of one database may not see', async () => {
    await signIn(world.workKey);
    await heading('Databases');
    expect((await cells('Databases')).map(([name]) => name)).toEqual(['work']);
    await page.getByRole('link', { name: 'Keys' }).click();
    expect(await page.getByRole('alert').textContent()).toMatch(/role admin for all databases/);
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
      await signIn();
      await heading('Databases');
      await page.screenshot({ path: PICTURE });
    });
  }
});
