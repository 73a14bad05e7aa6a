/**
 * raw.ts: bare sockets, for requests that no HTTP client would send.
 */
import { connect, type Socket } from 'node:net';

export interface Talk {
  /** Sent at once. */
  text: string | Buffer;
  /** Sent one byte at a time afterwards. */
  drops?: string;
  /** Hangs up when everything is sent. */
  hangsUp?: boolean;
}

const DROP_MS = 25;

/** Sends, and returns everything that came back until the server closed the connection or asked no more. */
export function talk(url: string, { text, drops = '', hangsUp = false }: Talk): Promise<string> {
  return new Promise((resolve) => {
    const socket: Socket = connect(Number(new URL(url).port), '127.0.0.1');
    let answer = '';
    const pieces = [...drops];
    const timer = setInterval(() => {
      const piece = pieces.shift();
      if (piece !== undefined && socket.writable) socket.write(piece);
    }, DROP_MS);
    socket.write(text, () => {
      if (hangsUp) socket.destroy();
    });
    socket.setEncoding('latin1').on('data', (data) => {
      answer += data;
    });
    // A reset is one of the ways in which a server may turn such a client away.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearInterval(timer);
      resolve(answer);
    });
  });
}

/** The statuses of all answers on a connection, in order. */
export function statusesOf(answer: string): number[] {
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

/** Lines of a request's head, with the empty line at the end. */
export function head(...lines: string[]): string {
  return [...lines, '', ''].join('\r\n');
}
