/**
 * administration.ts: what an administrator can look at, and how the answers look. The server writes them as JSON, the
 * admin page (src/admin-page) reads them, so this file holds types and nothing that runs. Row values and secrets
 * are in none of them. Times are milliseconds since 1970.
 */

/** A number of rows; where counting stops early, so that it costs little, there are at least so many. */
export interface Count {
  value: number;
  isLeast: boolean;
}

export interface DatabaseSummary {
  name: string;
  /** Of the database file, and of it what is free for new content. */
  bytes: number;
  freeBytes: number;
  tables: number;
  devices: number;
  /** When a device was last heard of; null when there is none. */
  lastSeen: number | null;
  /** Rows that wait here for a change of the schema, or that a constraint keeps out of their table. */
  held: Count;
  /** Refused writes that are kept. */
  refused: number;
  /** Version of the policies in force; null when there are none. */
  policies: number | null;
  /** The number of the newest change. */
  head: number;
  /** Identity of the file in hex; a restored or replaced one has another. */
  epoch: string;
  /** As many as were asked for. */
  tableList: TableSummary[];
}

/** A database that cannot be looked at now. */
export interface UnreadableDatabase {
  name: string;
  problem: string;
}

export interface TableSummary {
  name: string;
  algorithm: string;
  rows: Count;
}

export interface DeviceSummary {
  /** In hex. */
  site: string;
  subject: string;
  registered: number;
  lastSeen: number;
  /** Number of its last batch that was taken. */
  lastBatch: number;
  /** Rows that were changed after what it was given last; null when that is not known, or it sees only some rows. */
  behind: Count | null;
}

export interface KeySummary {
  id: string;
  role: string;
  /** A database name, or '*' for all. */
  database: string;
  subject: string;
  label: string;
  created: number;
  lastUsed: number | null;
  revoked: number | null;
}

export interface RevokedSubject {
  subject: string;
  /** Tokens that were issued up to this time count no more. */
  issuedUntil: number;
}

/** A write that was refused, with the key of the row as SQL literals. */
export interface RefusedWrite {
  at: number;
  /** In hex. */
  site: string;
  subject: string;
  table: string;
  key: string;
  code: string;
  detail: string;
}

/** Why a policy that is in force allows nothing: it fits the tables no more. */
export interface PolicyProblem {
  line: number;
  column: number;
  message: string;
  remedy: string;
}

export interface PolicyVersion {
  version: number;
  hash: string;
  deployed: number;
}

/** A scope that a user sees, by its number and key, with its rows. */
export interface SeenScope {
  scope: number;
  key: string;
  tables: { table: string; rows: Count }[];
}

/** What a user sees of a table. */
export interface SeenTable {
  table: string;
  /** Without any, nobody sees anything of it. */
  hasPolicies: boolean;
  rows: Count;
  /** Keys of the first rows as SQL literals. */
  keys: string[];
}

/** Whose eyes to look through: the user's id (null: nobody in particular) and the other claims of the token. */
export interface Viewer {
  user: string | null;
  role: 'user' | 'anon';
  claims: Record<string, unknown>;
}

/** One part of a list. */
export interface Part {
  offset: number;
  limit: number;
}

/** What can be asked of one database: input and result of each question. */
export interface Inspections {
  summary: { input: { tablesMax: number }; result: DatabaseSummary };
  devices: { input: Part; result: { total: number; devices: DeviceSummary[] } };
  /** The newest first. */
  refusals: { input: Part; result: { total: number; refusals: RefusedWrite[] } };
  /** The text in force and its problems, and all versions, the newest first. */
  policies: {
    input: { versionsMax: number };
    result: { text: string | null; problems: PolicyProblem[]; versions: PolicyVersion[] };
  };
  /** Without policies nobody is restricted, and every user sees everything. */
  view: {
    input: Viewer;
    result: { isRestricted: boolean; scopes: number; scopeList: SeenScope[]; tables: SeenTable[] };
  };
}

/** Answers that are not about one database. */
export interface DatabaseList {
  total: number;
  databases: (DatabaseSummary | UnreadableDatabase)[];
}

export interface CredentialList {
  keys: KeySummary[];
  revokedSubjects: RevokedSubject[];
}
