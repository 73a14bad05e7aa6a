/**
 * table.ts: lists as tables, and the buttons that turn their pages.
 */
import { type Content, element } from './dom.js';
import { formatNumber } from './format.js';
import { type Route, routeLink } from './route.js';

export interface TableColumn<Row> {
  title: string;
  /** Numbers stand at the right, so that they can be compared. */
  isNumber?: boolean;
  cell(row: Row): Content;
}

/** A table of rows, or a sentence when there are none. */
export function table<Row>(
  caption: string,
  columns: readonly TableColumn<Row>[],
  rows: readonly Row[],
  whenEmpty: string,
): HTMLElement {
  if (rows.length === 0) return element('p', { class: 'empty' }, whenEmpty);
  const classOf = (column: TableColumn<Row>) => (column.isNumber ? { class: 'number' } : {});
  const head = columns.map((column) => element('th', { scope: 'col', ...classOf(column) }, column.title));
  const body = rows.map((row) =>
    element('tr', {}, ...columns.map((column) => element('td', classOf(column), column.cell(row)))),
  );
  return element(
    'div',
    { class: 'table', tabindex: '0', role: 'region', 'aria-label': caption },
    element(
      'table',
      {},
      element('caption', { class: 'visually-hidden' }, caption),
      element('thead', {}, element('tr', {}, ...head)),
      element('tbody', {}, ...body),
    ),
  );
}

/** Which part of a list is shown, with links to the parts before and after it. */
export function pager(route: Route, limit: number, total: number): HTMLElement | null {
  if (total <= limit && route.offset === 0) return null;
  const last = Math.min(route.offset + limit, total);
  const link = (text: string, offset: number, isThere: boolean) =>
    isThere ? element('a', { href: routeLink({ ...route, offset }) }, text) : null;
  return element(
    'nav',
    { class: 'pager', 'aria-label': 'Pages' },
    link('Previous', Math.max(0, route.offset - limit), route.offset > 0),
    element(
      'span',
      {},
      `${formatNumber(route.offset + 1)} to ${formatNumber(last)} of ${formatNumber(total)}`,
    ),
    link('Next', route.offset + limit, last < total),
  );
}
