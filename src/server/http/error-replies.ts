/**
 * error-replies.ts: turns whatever was thrown into an answer: problem+json (RFC 9457), or the msgpack form
 * when the request accepts it. A refusal carries its own words; a defect is logged, and the client is told no
 * more than the number to look it up by.
 */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import Database from 'better-sqlite3';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { errorEntry, SyncError } from '../errors.js';
import { LIMITS } from '../limits.js';
import { MessageWriter } from '../msgpack/writer.js';
import { answerType, MEDIA_TYPE } from './messages.js';

/** The error handler of the Fastify instance. */
export async function replyWithError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  // Fastify means to cut the connection because it has not read the body. A client that is still sending
  // would then see the cut and not the answer, so the rest is read first, within a limit.
  if (reply.getHeader('connection') === 'close' && (await discardBody(request.raw))) {
    reply.removeHeader('connection');
  }
  const refusal = toRefusal(error, request);
  const { status, code, retryAfter = secondsOf(refusal) } = errorEntry(refusal.errorName);
  if (status >= 500) request.log.error({ err: error, code }, refusal.message);
  else request.log.info({ code }, refusal.message);
  reply.code(status).header('cache-control', 'no-store');
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="cloudsync"');
  if (request.headers.accept?.includes(MEDIA_TYPE)) {
    const body = new MessageWriter().array(3).text(code).text(refusal.message).unsigned(refusal.extra);
    return reply.type(answerType(request.headers.accept)).send(body.finish());
  }
  return reply.type('application/problem+json').send(problem(refusal));
}

/** When to come again, where that is another time for each refusal. */
function secondsOf(refusal: SyncError): number | undefined {
  return refusal.errorName === 'rate_limited' ? refusal.extra : undefined;
}

/** Reads the rest of a body and drops it. Returns false when it is too long or the client has gone. */
function discardBody(body: IncomingMessage): Promise<boolean> {
  return new Promise((resolve) => {
    if (body.complete || body.destroyed) {
      resolve(body.complete);
      return;
    }
    let bytes = 0;
    const finish = (isDiscarded: boolean) => {
      body.removeListener('data', count).removeListener('end', end).removeListener('close', close);
      resolve(isDiscarded);
    };
    const count = (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > LIMITS.discardedBodyBytes) finish(false);
    };
    const end = () => finish(true);
    const close = () => finish(false);
    body.on('data', count).once('end', end).once('close', close).resume();
  });
}

/**
 * Answers what is no valid HTTP request, or came too late to be one; there is no request object for it. Node
 * offers the bare socket.
 */
export function replyToClientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = clientRefusal(error);
  const { status } = errorEntry(refusal.errorName);
  const body = problem(refusal);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function clientRefusal(error: Error & { code?: string }): SyncError {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new SyncError('timeout', 'the request did not arrive in time; send it again');
  }
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new SyncError('headers_too_large', 'the request headers are too large');
  }
  return new SyncError('bad_request', `this is no HTTP request: ${error.message}`);
}

function problem(refusal: SyncError): string {
  const { status, code, title } = errorEntry(refusal.errorName);
  return JSON.stringify({
    type: 'about:blank',
    title,
    status,
    detail: refusal.message,
    code,
    extra: refusal.extra,
  });
}

function toRefusal(error: unknown, request: FastifyRequest): SyncError {
  if (error instanceof SyncError) return error;
  if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) {
    return new SyncError('busy', 'the key table is locked by another program; try again');
  }
  const { code, statusCode, message } = error as Partial<FastifyError>;
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new SyncError('unsupported', `the body must be of type ${MEDIA_TYPE}`);
  }
  // Refusals of Fastify and Node (a wrong Content-Length, a bad URL, a client that hung up) have a status.
  // What has none is a defect of ours.
  if (statusCode !== undefined && statusCode < 500) {
    return new SyncError('bad_request', message ?? 'the request is malformed');
  }
  return new SyncError('internal', `the server failed at request ${request.id}; its log has the reason`);
}
