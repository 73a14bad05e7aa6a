/**
 * answers.ts: the readers of what a server answers, with all that they do (the page is merged, rows of unknown tables
 * are held), on a database that has our tables and nothing in them.
 */
import { Slice } from '../../../src/core/bytes/slice';
import { loadSites } from '../../../src/core/catalog/sites';
import { readPublication, readRegistration } from '../../../src/core/session/answers';
import { readPage } from '../../../src/core/session/page';
import { startSession } from '../../../src/core/session/state';
import { readPushAnswer } from '../../../src/core/session/verdicts';
import { ACCEPTED, REFUSED } from './outcome';

const REGISTRATION: i32 = 0;
const PUBLICATION: i32 = 1;
const PUSH_ANSWER: i32 = 2;

export function runAnswer(kind: i32, body: Slice): i32 {
  startSession(true, true, 0, 0);
  const ok = read(kind, body);
  loadSites();
  return ok ? ACCEPTED : REFUSED;
}

function read(kind: i32, body: Slice): bool {
  if (kind == REGISTRATION) return readRegistration(body);
  if (kind == PUBLICATION) return readPublication(body);
  if (kind == PUSH_ANSWER) return readPushAnswer(body);
  return readPage(body);
}
