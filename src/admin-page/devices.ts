/**
 * devices.ts: the section Devices: who syncs with a database, when they were last heard of and how far they are.
 */
import type { DeviceSummary, Inspections } from '../server/administration.js';
import { databasePath, get } from './api.js';
import { type Content, element, heading } from './dom.js';
import { formatNumber, shortId, shortText, timeElement } from './format.js';
import type { Route } from './route.js';
import { pager, type TableColumn, table } from './table.js';

const PER_PAGE = 100;

const COLUMNS: readonly TableColumn<DeviceSummary>[] = [
  { title: 'Site', cell: ({ site }) => shortId(site) },
  { title: 'Belongs to', cell: ({ subject }) => shortText(subject) },
  { title: 'Last seen', cell: ({ lastSeen }) => timeElement(lastSeen) },
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
