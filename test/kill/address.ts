/**
 * address.ts: gives a device the same server under another address. cloudsync_network_init would take another address
 * for another server and begin anew; here a proxy comes or goes, or a restarted server has another port.
 */
import type { Connection } from '../support/database.js';

/** @param url `http://127.0.0.1:port` */
export function moveToAddress(db: Connection, url: string, database: string): void {
  const moved = db
    .prepare("UPDATE cloudsync_settings SET value = ? WHERE key = 'network.url'")
    .run(`${url}/v1/db/${database}`);
  if (moved.changes === 0) db.prepare('SELECT cloudsync_network_init(?)').get(`${url}/${database}`);
}
