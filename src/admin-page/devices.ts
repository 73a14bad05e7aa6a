/**
 * devices.ts: the section Devices: who syncs with a database, when they were last heard of and how far they are.
 */
import type { DeviceSummary, Inspections } from '../server/administration.js';
import { databasePath, get } from './api.js';
import { type Content, element, heading } from './dom.js';
import { badge, formatCount, formatNumber, shortId, shortText, timeElement } from './format.js';
import type { Route } from './route.js';
import { pager, type TableColumn, table } from './table.js';

const PER_PAGE = 100;
const UNKNOWN = 'Not known: it sees only some rows, or has not asked since the server started.';

/** Rows that the device was not given yet. */
function lag(behind: DeviceSummary['behind']): Content {
  if (behind === null) return element('span', { class: 'quiet', title: UNKNOWN }, '–');
  if (behind.value === 0) return badge('up to date', 'good');
  return badge(`${formatCount(behind)} ${behind.value === 1 ? 'row' : 'rows'}`, 'warning');
}

const COLUMNS: readonly TableColumn<DeviceSummary>[] = [
  { title: 'Site', cell: ({ site }) => shortId(site) },
  { title: 'Belongs to', cell: ({ subject }) => shortText(subject) },
  { title: 'Last seen', cell: ({ lastSeen }) => timeElement(lastSeen) },
  { title: 'Behind', isNumber: true, cell: ({ behind }) => lag(behind) },
  { title: 'Registered', cell: ({ registered }) => timeElement(registered) },
  { title: 'Batches sent', isNumber: true, cell: ({ lastBatch }) => formatNumber(lastBatch) },
];

export async function showDevices(route: Route): Promise<Content[]> {
  const part = { offset: route.offset, limit: PER_PAGE };
  const { total, devices } = await get<Inspections['devices']['result']>(
    databasePath(route.database, '/devices'),
    part,
  );
  return [
    heading('Devices', element('span', { class: 'quiet' }, formatNumber(total))),
    table('Devices', COLUMNS, devices, 'No device has registered with this database.'),
    pager(route, PER_PAGE, total),
  ];
}
