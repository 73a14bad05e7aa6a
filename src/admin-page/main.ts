/**
 * main.ts: the admin page: shows the section that the address names, with the key of this tab's session.
 */
import { ApiError, forgetKey, get, hasKey } from './api.js';
import { showDatabases } from './databases.js';
import { showDevices } from './devices.js';
import { byId, type Content, element, heading, problemBox } from './dom.js';
import { showKeys } from './keys.js';
import { showPolicies } from './policies.js';
import { showRefusals } from './refusals.js';
import { type Route, readRoute, routeLink, SECTIONS, type Section } from './route.js';
import { refusalText, signInForm } from './sign-in.js';

interface SectionEntry {
  title: string;
  /** Whether it is about one database, which has to be chosen first. */
  needsDatabase: boolean;
  show(route: Route): Promise<Content[]>;
}

const ENTRIES: Record<Section, SectionEntry> = {
  databases: { title: 'Databases', needsDatabase: false, show: showDatabases },
  devices: { title: 'Devices', needsDatabase: true, show: showDevices },
  refusals: { title: 'Rejected writes', needsDatabase: true, show: showRefusals },
  policies: { title: 'Policies', needsDatabase: true, show: showPolicies },
  keys: { title: 'Keys', needsDatabase: false, show: showKeys },
};

const bar = byId('bar', HTMLElement);
const sections = byId('sections', HTMLElement);
const databaseField = byId('database', HTMLElement);
const databaseChoice = byId('database-choice', HTMLSelectElement);
const main = byId('main', HTMLElement);
const status = byId('status', HTMLElement);
/** Counts what was shown, so that an answer that comes late replaces nothing newer. */
let shown = 0;

function showSignIn(problem: string): void {
  shown += 1;
  bar.hidden = true;
  main.replaceChildren(...nodes([signInForm(problem, showAndFocus)]));
  main.querySelector('input')?.focus();
}

async function show(): Promise<void> {
  if (!hasKey()) return showSignIn('');
  shown += 1;
  const turn = shown;
  main.setAttribute('aria-busy', 'true');
  let content: Content[];
  try {
    content = await contentOf(readRoute(location.hash));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (turn === shown && error.status === 401) return signOut(refusalText(error));
    content = [problemBox(error.message)];
  }
  if (turn !== shown) return;
  main.replaceChildren(...nodes(content));
  main.removeAttribute('aria-busy');
  const title = main.querySelector('h2')?.textContent ?? 'admin';
  document.title = `${title} · cloudsync`;
  status.textContent = title;
}

/** After a change of what is shown: whoever uses the keyboard goes on from there. */
async function showAndFocus(): Promise<void> {
  await show();
  main.focus({ preventScroll: true });
}

/** Shows navigation and choice of database, then asks for the section. */
async function contentOf(route: Route): Promise<Content[]> {
  const entry = ENTRIES[route.section];
  const { names } = await get<{ names: string[] }>('/names');
  const database = route.database === '' && entry.needsDatabase ? (names[0] ?? '') : route.database;
  showNavigation({ ...route, database });
  databaseChoice.replaceChildren(
    ...names.map((name) => element('option', { value: name, selected: name === database }, name)),
  );
  databaseField.hidden = !entry.needsDatabase || names.length === 0;
  if (entry.needsDatabase && database === '') {
    return [heading(entry.title), element('p', { class: 'empty' }, 'There are no databases yet.')];
  }
  return entry.show({ ...route, database });
}

function showNavigation({ section, database }: Route): void {
  bar.hidden = false;
  sections.replaceChildren(
    ...SECTIONS.map((name) => {
      const target = ENTRIES[name].needsDatabase ? database : '';
      const attributes = { href: routeLink({ section: name, database: target, offset: 0 }) };
      const current = name === section ? { 'aria-current': 'page' } : {};
      return element('a', { ...attributes, ...current }, ENTRIES[name].title);
    }),
  );
}

function signOut(problem: string): void {
  forgetKey();
  showSignIn(problem);
}

function nodes(content: readonly Content[]): (Node | string)[] {
  return content.filter((part) => part !== null).map((part) => (part instanceof Node ? part : String(part)));
}

databaseChoice.addEventListener('change', () => {
  location.hash = routeLink({ ...readRoute(location.hash), database: databaseChoice.value, offset: 0 });
});
byId('refresh', HTMLButtonElement).addEventListener('click', () => show());
byId('sign-out', HTMLButtonElement).addEventListener('click', () => signOut(''));
addEventListener('hashchange', showAndFocus);
show();
