/**
 * policies.ts: the section Policies: the text in force, what of it does not fit the tables, the versions, and the
 * database as one user sees it.
 */
import type { Inspections, PolicyProblem, PolicyVersion } from '../server/administration.js';
import { databasePath, get } from './api.js';
import { type Content, element, heading } from './dom.js';
import { badge, formatNumber, shortId, timeElement } from './format.js';
import type { Route } from './route.js';
import { type TableColumn, table } from './table.js';
import { viewForm } from './view-as.js';

const PROBLEM_COLUMNS: readonly TableColumn<PolicyProblem>[] = [
  { title: 'Line', cell: ({ line }) => formatNumber(line) },
  { title: 'Problem', cell: ({ message }) => element('span', { class: 'wrap' }, message) },
  { title: 'Remedy', cell: ({ remedy }) => element('span', { class: 'wrap' }, remedy) },
];

function versionColumns(newest: number): readonly TableColumn<PolicyVersion>[] {
  return [
    { title: 'Version', cell: ({ version }) => formatNumber(version) },
    { title: 'Deployed', cell: ({ deployed }) => timeElement(deployed) },
    { title: 'SHA-256', cell: ({ hash }) => shortId(hash) },
    {
      title: 'State',
      cell: ({ version }) => (version === newest ? badge('in force', 'good') : badge('replaced', 'plain')),
    },
  ];
}

export async function showPolicies({ database }: Route): Promise<Content[]> {
  const { text, problems, versions } = await get<Inspections['policies']['result']>(
    databasePath(database, '/policies'),
  );
  if (text === null) {
    const words = 'No policies are deployed: everybody who may use this database sees all of it.';
    return [heading('Policies'), element('p', { class: 'empty' }, words)];
  }
  return [
    heading(
      'Policies',
      element('span', { class: 'quiet' }, `version ${formatNumber(versions[0]?.version ?? 0)}`),
    ),
    problems.length === 0
      ? null
      : element(
          'section',
          {},
          element('p', { class: 'problem' }, 'Some policies fit the tables no more, and allow nothing.'),
          table('Problems', PROBLEM_COLUMNS, problems, ''),
        ),
    element('pre', { class: 'text', tabindex: '0', 'aria-label': 'Text in force' }, text),
    heading('View as user'),
    viewForm(database),
    heading('Versions'),
    table('Versions', versionColumns(versions[0]?.version ?? 0), versions, ''),
  ];
}
