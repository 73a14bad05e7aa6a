/**
 * log.ts: logs, as JSON lines on the error output. What is logged of a request is named here: no header, no
 * query and no body is among it. As a second net, every finished line passes a filter that hides the secret
 * part of any key.
 */
import pino from 'pino';
import { hideKeys } from './keys/key-text.js';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

interface LoggedRequest {
  id?: unknown;
  method?: string;
  url?: string;
  ip?: string;
}

/** @param level the least important level that is written */
export function createLogger(level: LogLevel): pino.Logger {
  const options: pino.LoggerOptions = {
    level,
    base: null,
    serializers: { req: serializeRequest, res: serializeReply, err: pino.stdSerializers.err },
    redact: {
      paths: ['authorization', '*.authorization', '*.headers', 'key', '*.key', '*.token'],
      remove: true,
    },
    hooks: { streamWrite: hideKeys },
  };
  return pino(options, pino.destination({ dest: 2, sync: false }));
}

function serializeRequest(request: LoggedRequest) {
  return { id: request.id, method: request.method, path: request.url?.split('?', 1)[0], ip: request.ip };
}

function serializeReply(reply: { statusCode?: number }) {
  return { status: reply.statusCode };
}
