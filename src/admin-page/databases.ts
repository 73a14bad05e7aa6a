/**
 * databases.ts: the section Databases: all databases of the server, and one of them with its tables.
 */
import type {
  DatabaseList,
  DatabaseSummary,
  TableSummary,
  UnreadableDatabase,
} from '../server/administration.js';
import { databasePath, get } from './api.js';
import { type Content, element, heading } from './dom.js';
import { badge, formatBytes, formatCount, formatNumber, shortId, shortText, timeElement } from './format.js';
import { type Route, routeLink, type Section } from './route.js';
import { pager, type TableColumn, table } from './table.js';

const PER_PAGE = 50;

type ListedDatabase = DatabaseSummary | UnreadableDatabase;

/** A cell of a database that can be read; the problem stands in the first one of these. */
function readable(cell: (database: DatabaseSummary) => Content): (database: ListedDatabase) => Content {
  return (database) => ('problem' in database ? null : cell(database));
}

function sectionLink(section: Section, database: string, text: Content): HTMLElement {
  return element('a', { href: routeLink({ section, database, offset: 0 }) }, text);
}

const COLUMNS: readonly TableColumn<ListedDatabase>[] = [
  {
    title: 'Name',
    cell: ({ name }) => sectionLink('databases', name, shortText(name)),
  },
  {
    title: 'Size',
    isNumber: true,
    cell: (database) =>
      'problem' in database
        ? element('span', { class: 'badge bad', title: database.problem }, database.problem)
        : formatBytes(database.bytes),
  },
  { title: 'Tables', isNumber: true, cell: readable(({ tables }) => formatNumber(tables)) },
  {
    title: 'Devices',
    isNumber: true,
    cell: readable(({ name, devices }) => sectionLink('devices', name, formatNumber(devices))),
  },
  { title: 'Last seen', cell: readable(({ lastSeen }) => timeElement(lastSeen)) },
  {
    title: 'Held rows',
    isNumber: true,
    cell: readable(({ held }) => (held.value === 0 ? '0' : badge(formatCount(held), 'warning'))),
  },
  {
    title: 'Rejected writes',
    isNumber: true,
    cell: readable(({ name, refused }) => sectionLink('refusals', name, formatNumber(refused))),
  },
  {
    title: 'Policies',
    cell: readable(({ name, policies }) =>
      sectionLink('policies', name, policies === null ? 'none' : `version ${formatNumber(policies)}`),
    ),
  },
  { title: 'Newest change', isNumber: true, cell: readable(({ head }) => formatNumber(head)) },
];

const TABLE_COLUMNS: readonly TableColumn<TableSummary>[] = [
  { title: 'Table', cell: ({ name }) => shortText(name) },
  { title: 'Rows merge as', cell: ({ algorithm }) => element('code', {}, algorithm) },
  { title: 'Rows', isNumber: true, cell: ({ rows }) => formatCount(rows) },
];

export async function showDatabases(route: Route): Promise<Content[]> {
  if (route.database !== '') return showDatabase(route.database);
  const { total, databases } = await get<DatabaseList>('/databases', {
    offset: route.offset,
    limit: PER_PAGE,
  });
  return [
    heading('Databases', element('span', { class: 'quiet' }, formatNumber(total))),
    table('Databases', COLUMNS, databases, 'There are no databases yet: the first device makes one.'),
    pager(route, PER_PAGE, total),
  ];
}

async function showDatabase(name: string): Promise<Content[]> {
  const database = await get<DatabaseSummary>(databasePath(name));
  const { tableList, tables } = database;
  return [
    heading(`Database ${name}`, sectionLink('databases', '', 'All databases')),
    element(
      'dl',
      { class: 'facts' },
      fact('Size', formatBytes(database.bytes)),
      fact('Free inside', formatBytes(database.freeBytes)),
      fact('Devices', sectionLink('devices', name, formatNumber(database.devices))),
      fact('Last seen', timeElement(database.lastSeen)),
      fact('Held rows', formatCount(database.held)),
      fact('Rejected writes', sectionLink('refusals', name, formatNumber(database.refused))),
      fact('Newest change', formatNumber(database.head)),
      fact('Epoch', shortId(database.epoch)),
    ),
    table('Tables', TABLE_COLUMNS, tableList, 'No device has published a table yet.'),
    tables > tableList.length
      ? element(
          'p',
          { class: 'quiet' },
          `${formatNumber(tables - tableList.length)} more tables are not shown.`,
        )
      : null,
  ];
}

function fact(name: string, value: Content): HTMLElement {
  return element('div', {}, element('dt', {}, name), element('dd', {}, value));
}
