/**
 * refusals.ts: the section Rejected writes: which rows of which devices the server did not take, and why.
 */
import type { Inspections, RefusedWrite } from '../server/administration.js';
import { databasePath, get } from './api.js';
import { type Content, element, heading } from './dom.js';
import { badge, formatNumber, shortId, shortText, timeElement } from './format.js';
import type { Route } from './route.js';
import { pager, type TableColumn, table } from './table.js';

const PER_PAGE = 100;

const COLUMNS: readonly TableColumn<RefusedWrite>[] = [
  { title: 'When', cell: ({ at }) => timeElement(at) },
  { title: 'Table', cell: (refusal) => shortText(refusal.table) },
  { title: 'Row', cell: ({ key }) => shortText(key) },
  { title: 'Code', cell: ({ code }) => badge(code, code === 'denied' ? 'bad' : 'warning') },
  { title: 'Reason', cell: ({ detail }) => element('span', { class: 'wrap' }, detail) },
  { title: 'Subject', cell: ({ subject }) => shortText(subject) },
  { title: 'Site', cell: ({ site }) => shortId(site) },
];

export async function showRefusals(route: Route): Promise<Content[]> {
  const part = { offset: route.offset, limit: PER_PAGE };
  const { total, refusals } = await get<Inspections['refusals']['result']>(
    databasePath(route.database, '/refusals'),
    part,
  );
  return [
    heading('Rejected writes', element('span', { class: 'quiet' }, formatNumber(total))),
    table('Rejected writes', COLUMNS, refusals, 'No write to this database was rejected.'),
    pager(route, PER_PAGE, total),
  ];
}
