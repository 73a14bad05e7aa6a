/**
 * store.ts: what the HTTP side asks of a store of databases. The embedded store (`worker-store.ts`) keeps one
 * SQLite file per database; another store may keep the accepted packets in a distributed engine behind the
 * same interface. Inputs and results are plain data: they cross thread boundaries, and may cross process
 * boundaries.
 */
import type { Inspections } from '../administration.js';
import type { Principal } from '../principal.js';

/** A table as a device describes it at registration. */
export interface TableShape {
  name: string;
  algorithm: number;
  /** Names of all its synced columns, key columns included. */
  columns: string[];
}

/** A table definition that a device publishes. */
export interface TableDefinition {
  name: string;
  algorithm: number;
  /** A CREATE TABLE statement. */
  sql: string;
}

/** A page of changes, in the order in which a device takes them in. */
export interface Page {
  /** The device forgets all its rows first. */
  reset: boolean;
  /** Rows that the device forgets: an array of [table, key] as msgpack; empty when there are none. */
  forgotten: Uint8Array;
  packets: Uint8Array[];
  cursor: Uint8Array;
  complete: boolean;
}

/** Input and result of every operation on a database. Site ids and epochs are 16 bytes. */
export interface Operations extends Inspections {
  /** Makes a site known, or recognises it; creates the database when the principal may. */
  register: {
    input: { site: Uint8Array; tables: TableShape[] };
    result: { epoch: Uint8Array; lastBatch: number; missing: string[] };
  };
  /** Creates or extends tables. One definition that is refused does not stop the others. */
  schema: {
    input: { site: Uint8Array; definitions: TableDefinition[] };
    result: { name: string; outcome: string }[];
  };
  /**
   * Merges one packet exactly once. `answer` is the encoded answer, as recorded for a repeat; `rows` came with it.
   * `mark` is the checksum of the packet of the batch before, as far as the device knows it.
   */
  push: {
    input: { site: Uint8Array; epoch: Uint8Array; batch: number; packet: Uint8Array; mark?: Uint8Array };
    result: { answer: Uint8Array; rows: number; replayed: boolean };
  };
  /** One page of changes after a cursor. */
  pull: {
    input: {
      site: Uint8Array;
      epoch: Uint8Array;
      lastBatch: number;
      cursor: Uint8Array;
      maxBytes: number;
      /** Checksum of the packet of the last batch, as far as the device knows it. */
      mark?: Uint8Array;
    };
    result: Page;
  };
  /**
   * Looks up the position of a cursor and of the newest change, both in the database's own numbering. `scopes`: where
   * the principal sees some rows only, the scopes in which a change may be news; then `position` is the head, or less
   * when there is something already.
   */
  peek: {
    input: { site: Uint8Array; cursor: Uint8Array };
    result: { position: number; head: number; scopes: readonly number[] | undefined };
  };
  /** The state of what the principal sees, as a text that is another when it has changed. */
  version: {
    input: { site: Uint8Array };
    result: { version: string; head: number; scopes: readonly number[] | undefined };
  };
}

/** What a commit has changed. */
export interface Change {
  head: number;
  /** Where policies are in force: the scopes that it has touched; `any`: principals may have other scopes now. */
  scopes: readonly number[] | 'any' | undefined;
}

export type OperationName = keyof Operations;

export interface SyncStore {
  /**
   * Runs one operation on one database.
   *
   * @param principal who asks; the store checks what the principal may do with sites, tables and rows
   * @param database a valid database name that the principal may use
   * @throws SyncError for every refusal; any other error is a defect or a failure of the machine
   */
  run<Name extends OperationName>(
    name: Name,
    principal: Principal,
    database: string,
    input: Operations[Name]['input'],
  ): Promise<Operations[Name]['result']>;

  /** The names of all databases, in alphabetical order. */
  names(): Promise<string[]>;

  /** Calls `listener` after each commit that changed a database. */
  onChange(listener: (database: string, change: Change) => void): void;

  /** Resolves when every part of the store answers; rejects with the reason otherwise. */
  ready(): Promise<void>;

  /** Finishes what is queued, closes all databases and ends. */
  close(): Promise<void>;
}
