/**
 * counting-proxy.mjs: passes connections on to a server and counts the bytes that come back: what a device has to
 * download, with all that HTTP adds.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class CountingProxy {
  received = 0;

  /** @param url of the server */
  static async start(url) {
    const { hostname, port } = new URL(url);
    const proxy = new CountingProxy();
    proxy.server = createServer((client) => {
      const target = connect(Number(port), hostname);
      target.on('data', (bytes) => {
        proxy.received += bytes.length;
      });
      client.pipe(target).pipe(client);
      // Either side may break off; then the other one has nothing to wait for any more.
      client.once('error', () => target.destroy());
      target.once('error', () => client.destroy());
    });
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    proxy.url = `http://127.0.0.1:${proxy.server.address().port}`;
    return proxy;
  }

  stop() {
    this.server.close();
  }
}
