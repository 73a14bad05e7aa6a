/**
 * view-as.ts: asks whose eyes to look through, and shows what that user sees of a database: rows per table, the first
 * keys, and by which scopes.
 */
import type { Inspections, SeenScope, SeenTable, Viewer } from '../server/administration.js';
import { ApiError, databasePath, post } from './api.js';
import { type Content, element, field, problemBox } from './dom.js';
import { badge, formatCount, formatNumber, shortText } from './format.js';
import { type TableColumn, table } from './table.js';

type View = Inspections['view']['result'];

const TABLE_COLUMNS: readonly TableColumn<SeenTable>[] = [
  { title: 'Table', cell: (seen) => shortText(seen.table) },
  {
    title: 'Rows seen',
    isNumber: true,
    cell: ({ hasPolicies, rows }) => (hasPolicies ? formatCount(rows) : badge('no policy', 'plain')),
  },
  {
    title: 'Keys of the first rows',
    cell: ({ keys }) =>
      element('span', { class: 'wrap keys' }, ...keys.flatMap((key) => [element('code', {}, key), ' '])),
  },
];

const SCOPE_COLUMNS: readonly TableColumn<SeenScope>[] = [
  { title: 'Scope', cell: ({ scope }) => formatNumber(scope) },
  { title: 'Key', cell: ({ key }) => element('code', { class: 'wrap' }, key) },
  {
    title: 'Rows',
    cell: ({ tables }) =>
      element(
        'span',
        { class: 'wrap' },
        tables.map((counted) => `${counted.table}: ${formatCount(counted.rows)}`).join(', '),
      ),
  },
];

/** The form, and below it the answer. */
export function viewForm(database: string): Content {
  const user = element('input', { name: 'user', autocomplete: 'off', spellcheck: 'false' });
  const claims = element('textarea', { name: 'claims', rows: '2', spellcheck: 'false', placeholder: '{}' });
  const result = element('div', { 'aria-live': 'polite' });
  const form = element(
    'form',
    { class: 'view-as' },
    field('User', user, 'The claim sub of the token. Empty: an anonymous key.'),
    field('Other claims', claims, 'As JSON.'),
    element('button', { class: 'main' }, 'View'),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    look(database, user.value, claims.value).then((content) => result.replaceChildren(...content));
  });
  return element('div', {}, form, result);
}

async function look(database: string, user: string, claimsText: string): Promise<Node[]> {
  const claims = readClaims(claimsText);
  if (claims === undefined) return [problemBox('The claims are no JSON object, such as {"team": 7}.')];
  const viewer: Viewer = user === '' ? { user: null, role: 'anon', claims } : { user, role: 'user', claims };
  try {
    return show(await post<View>(databasePath(database, '/view'), viewer));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return [problemBox(error.message)];
  }
}

/** The claims; undefined when the text is no JSON object. */
function readClaims(text: string): Record<string, unknown> | undefined {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function show({ tables, scopes, scopeList }: View): Node[] {
  const more = scopes - scopeList.length;
  return [
    table('Rows that this user sees', TABLE_COLUMNS, tables, 'There are no tables yet.'),
    element('h3', {}, `${formatNumber(scopes)} scopes with rows`),
    table('Scopes of this user', SCOPE_COLUMNS, scopeList, 'This user is in no scope that has rows.'),
    ...(more > 0 ? [element('p', { class: 'quiet' }, `${formatNumber(more)} more are not shown.`)] : []),
  ];
}
