/**
 * keys.ts: the section Keys: the keys of the server without their secrets, and the users whose tokens were revoked.
 */
import type { CredentialList, KeySummary, RevokedSubject } from '../server/administration.js';
import { get } from './api.js';
import { type Content, element, heading } from './dom.js';
import { badge, formatNumber, shortText, timeElement } from './format.js';
import { type TableColumn, table } from './table.js';

const KEY_COLUMNS: readonly TableColumn<KeySummary>[] = [
  { title: 'Id', cell: ({ id }) => element('code', {}, id) },
  { title: 'Role', cell: ({ role }) => badge(role, role === 'admin' ? 'warning' : 'plain') },
  { title: 'Database', cell: ({ database }) => (database === '*' ? 'all' : shortText(database)) },
  { title: 'Subject', cell: ({ subject }) => shortText(subject) },
  { title: 'Label', cell: ({ label }) => shortText(label) },
  { title: 'Created', cell: ({ created }) => timeElement(created) },
  { title: 'Last used', cell: ({ lastUsed }) => timeElement(lastUsed) },
  {
    title: 'State',
    cell: ({ revoked }) =>
      revoked === null
        ? badge('valid', 'good')
        : element('span', {}, badge('revoked', 'bad'), ' ', timeElement(revoked)),
  },
];

const REVOCATION_COLUMNS: readonly TableColumn<RevokedSubject>[] = [
  { title: 'Subject', cell: ({ subject }) => shortText(subject) },
  { title: 'Tokens issued up to', cell: ({ issuedUntil }) => timeElement(issuedUntil) },
];

export async function showKeys(): Promise<Content[]> {
  const { keys, revokedSubjects } = await get<CredentialList>('/credentials');
  const add = element(
    'p',
    { class: 'quiet' },
    'Keys are made and revoked with ',
    element('code', {}, 'cloudsync key'),
  );
  return [
    heading('Keys', element('span', { class: 'quiet' }, formatNumber(keys.length))),
    table('Keys', KEY_COLUMNS, keys, 'There are no keys.'),
    add,
    heading('Revoked tokens', element('span', { class: 'quiet' }, formatNumber(revokedSubjects.length))),
    table('Revoked tokens', REVOCATION_COLUMNS, revokedSubjects, 'No tokens were revoked.'),
  ];
}
