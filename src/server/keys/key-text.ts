/**
 * key-text.ts: the text of a key: `csk_<id>_<secret>`. The prefix lets scanners for leaked secrets find it,
 * the id finds its row in the key table, and the secret (32 random bytes) proves possession. Only the SHA-256
 * of the secret is stored: at 256 random bits nothing can be guessed, so no slow password hash is needed.
 */
import { createHash } from 'node:crypto';
import type { Surroundings } from '../surroundings.js';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_BYTES = 8;
const SECRET_BYTES = 32;

const KEY_PATTERN = /^csk_([0-9A-Za-z]{11})_([0-9A-Za-z]{43})$/;

export interface ParsedKey {
  id: string;
  secretHash: Buffer;
}

/** A new random key: its text, which is shown once, and what is stored of it. */
export function generateKey({ randomBytes }: Surroundings): ParsedKey & { text: string } {
  const id = base62(randomBytes(ID_BYTES), 11);
  const secret = base62(randomBytes(SECRET_BYTES), 43);
  return { id, secretHash: hashSecret(secret), text: `csk_${id}_${secret}` };
}

/** Takes the text of a key apart; undefined when it does not have the form of a key. */
export function parseKey(text: string): ParsedKey | undefined {
  const [, id, secret] = KEY_PATTERN.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secretHash: hashSecret(secret) };
}

/** Replaces the secret part of every key, and every token, in a text, for logs. */
export function hideKeys(text: string): string {
  return text
    .replace(/csk_([0-9A-Za-z]+)_[0-9A-Za-z]+/g, 'csk_$1_[hidden]')
    .replace(/eyJ[\w-]+\.[\w-]+\.[\w-]*/g, '[token hidden]');
}

function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret, 'ascii').digest();
}

function base62(bytes: Uint8Array, length: number): string {
  let number = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  while (text.length < length) {
    text = ALPHABET.charAt(Number(number % 62n)) + text;
    number /= 62n;
  }
  return text;
}
