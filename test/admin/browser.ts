/**
 * browser.ts: a real Chromium for the tests of the admin page: the one of this machine, driven by playwright-core.
 * Where there is none the tests say so and are left out; `.ci/run` installs one where it can.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** Path of the browser: CLOUDSYNC_CHROMIUM, or found like a command; undefined when there is none. */
export const chromiumFile: string | undefined =
  process.env['CLOUDSYNC_CHROMIUM'] ??
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find(isProgram);

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts the browser without a window, with an empty profile, and without anything that it would do by itself. */
export function startBrowser(): Promise<Browser> {
  if (chromiumFile === undefined) throw new Error('there is no Chromium on this machine');
  return chromium.launch({
    executablePath: chromiumFile,
    // As root, as in many containers, its own sandbox cannot start. It opens pages of our own server only.
    chromiumSandbox: false,
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
