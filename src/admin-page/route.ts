/**
 * route.ts: what is shown, as it stands in the address after the #: section, database and place in the list. So the
 * browser's own buttons, bookmarks and reloading work.
 */
export const SECTIONS = ['databases', 'devices', 'refusals', 'policies', 'keys'] as const;
export type Section = (typeof SECTIONS)[number];

export interface Route {
  section: Section;
  /** Empty while none is chosen. */
  database: string;
  offset: number;
}

export function routeLink({ section, database, offset }: Route): string {
  return `#/${section}/${encodeURIComponent(database)}${offset > 0 ? `/${offset}` : ''}`;
}

/** The route in the address; the list of databases when there is none. */
export function readRoute(hash: string): Route {
  const [, section, database = '', offset = '0'] = hash.split('/');
  return {
    section: SECTIONS.find((name) => name === section) ?? 'databases',
    database: decode(database),
    offset: /^\d{1,9}$/.test(offset) ? Number(offset) : 0,
  };
}

/** What somebody has typed into the address may be no valid encoding. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
