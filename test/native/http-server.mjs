/**
 * http-server.mjs: an HTTP server in a thread of its own, because the tests' thread waits inside SQLite while the
 * extension talks to it. Sends its port to the parent when it listens. Paths:
 *
 *     /echo            JSON: method, headers, body, and the number of the connection that the request came on
 *     /type            an empty answer of the protocol's content type
 *     /status/N        status N with Retry-After: 7
 *     /date            status 503 with Retry-After as a date 30 seconds from now
 *     /redirect        to /echo
 *     /bytes/N         N bytes
 *     /silent          never answers
 *     /broken          closes the connection in the middle of the answer
 *     /cut/N           the first N bytes of an answer of CUT.length bytes, then the end of the connection
 */
import { createServer } from 'node:http';
import { parentPort } from 'node:worker_threads';

const CUT = [
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Type: application/vnd.cloudsync+msgpack\r\n',
  'Content-Length: 4\r\n\r\nbody',
].join('');

let connections = 0;

const routes = {
  echo(request, response, _argument, body) {
    const { method, headers, socket } = request;
    response.end(JSON.stringify({ method, headers, body, connection: socket.number }));
  },
  type(_request, response) {
    response.setHeader('Content-Type', 'Application/vnd.cloudsync+msgpack; charset=binary');
    response.end();
  },
  status(_request, response, argument) {
    response.writeHead(Number(argument), { 'Retry-After': '7' }).end('later');
  },
  date(_request, response) {
    response.writeHead(503, { 'Retry-After': new Date(Date.now() + 30_000).toUTCString() }).end();
  },
  redirect(_request, response) {
    response.writeHead(302, { Location: '/echo' }).end();
  },
  bytes(_request, response, argument) {
    response.end('x'.repeat(Number(argument)));
  },
  silent() {
    // The client has to give up.
  },
  broken(_request, response) {
    response.writeHead(200, { 'Content-Length': '100' });
    response.write('half', () => response.destroy());
  },
  cut(request, _response, argument) {
    request.socket.end(CUT.slice(0, Number(argument)));
  },
};

const server = createServer((request, response) => {
  const [, name, argument] = request.url.split('/');
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => routes[name](request, response, argument, Buffer.concat(chunks).toString()));
});
server.on('connection', (socket) => {
  connections += 1;
  socket.number = connections;
});
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
