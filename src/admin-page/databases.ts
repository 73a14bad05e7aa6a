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
import { type Route, routeLink } from './route.js';
import { pager, type TableColumn, table } from './table.js';

const PER_PAGE = 50;

type ListedDatabase = DatabaseSummary | UnreadableDatabase;

/** A cell of a database that can be read; the problem stands in the first one of these. */
function readable(cell: (database: DatabaseSummary) => Content): (database: ListedDatabase) => Content {
  return (database) => ('problem' in database ? null : cell(database));
}

const COLUMNS: readonly TableColumn<ListedDatabase>[] = [
  {
    title: 'Name',
    cell: ({ name }) =>
      element('a', { href: routeLink({ section: 'databases', database: name, offset: 0 }) }, shortText(name)),
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
    cell: readable(({ name, devices }) =>
      element(
        'a',
        { href: routeLink({ section: 'devices', database: name, offset: 0 }) },
        formatNumber(devices),
      ),
    ),
  },
  { title: 'Last seen', cell: readable(({ lastSeen }) => timeElement(lastSeen)) },
  {
    title: 'Held rows',
    isNumber: true,
    cell: readable(({ held }) => (held.value === 0 ? '0' : badge(formatCount(held), 'warning'))),
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
  const all = routeLink({ section: 'databases', database: '', offset: 0 });
  return [
    heading(`Database ${name}`, element('a', { href: all }, 'All databases')),
    element(
      'dl',
      { class: 'facts' },
      fact('Size', formatBytes(database.bytes)),
      fact('Free inside', formatBytes(database.freeBytes)),
      fact('Devices', formatNumber(database.devices)),
      fact('Last seen', timeElement(database.lastSeen)),
      fact('Held rows', formatCount(database.held)),
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
