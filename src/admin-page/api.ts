/**
 * api.ts: asks the server's administration API. The key lives in the storage of this tab's session, which ends with
 * the tab, and goes nowhere but into the header of these requests.
 */
const STORAGE = 'cloudsync-admin-key';
/** Relative to the page's own address. */
const BASE = 'admin/v1';

/** A request that the server refused, with its words, or that did not reach it (status 0). */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function hasKey(): boolean {
  return sessionStorage.getItem(STORAGE) !== null;
}

export function keepKey(key: string): void {
  sessionStorage.setItem(STORAGE, key);
}

export function forgetKey(): void {
  sessionStorage.removeItem(STORAGE);
}

/** The path of a database's answers. */
export function databasePath(database: string, question = ''): string {
  return `/databases/${encodeURIComponent(database)}${question}`;
}

/** @throws ApiError */
export function get<Answer>(path: string, part?: { offset: number; limit: number }): Promise<Answer> {
  const query = part === undefined ? '' : `?offset=${part.offset}&limit=${part.limit}`;
  return ask<Answer>(`${BASE}${path}${query}`, {});
}

/** @throws ApiError */
export function post<Answer>(path: string, body: unknown): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  return ask<Answer>(`${BASE}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function ask<Answer>(address: string, init: RequestInit): Promise<Answer> {
  const key = sessionStorage.getItem(STORAGE) ?? '';
  let response: Response;
  try {
    response = await fetch(address, {
      ...init,
      headers: { ...init.headers, authorization: `Bearer ${key}` },
    });
  } catch {
    throw new ApiError(0, 'The server cannot be reached.');
  }
  const body: unknown = await response.json().catch(() => undefined);
  if (response.ok) return body as Answer;
  const detail = (body as { detail?: string } | undefined)?.detail;
  throw new ApiError(response.status, detail ?? `The server answered ${response.status}.`);
}
