/**
 * flaws.ts: planted flaws, realistic mistakes of one line each, and the band that has to notice each of them. They are
 * patched into a copy of the sources (build.ts), all into one build, and chosen at run time by CLOUDSYNC_FLAW=<name>.
 * A normal run plays the first flaw of the quick bands; CLOUDSYNC_LONG=1 plays all.
 */

export interface Flaw {
  /** Lower case and hyphens; CLOUDSYNC_FLAW chooses it. */
  name: string;
  /** The band that must fail within its short length (test/support/bands.ts). */
  band: string;
  file: string;
  /** Text that the file contains once. */
  find: string;
  /** What stands there instead; FLAW is true when this flaw is chosen. */
  replace: string;
}

export const FLAWS: readonly Flaw[] = [
  {
    name: 'clock-not-lifted',
    band: 'model',
    file: 'src/core/merge/packet_merge.ts',
    find: '    liftClock(decoder.largestClock);',
    replace: '    if (!FLAW) liftClock(decoder.largestClock);',
  },
  {
    name: 'children-not-woken',
    band: 'constraints-references',
    file: 'src/core/merge/waiting.ts',
    find: 'ok = wake.blob(1, key.pointer, key.size).run();',
    replace: 'ok = FLAW || wake.blob(1, key.pointer, key.size).run();',
  },
  {
    name: 'younger-claim-displaces',
    band: 'constraints-combined',
    file: 'src/core/merge/placement.ts',
    find: '|| this.hasOlderClaim(member.table, other)',
    replace: '|| (!FLAW && this.hasOlderClaim(member.table, other))',
  },
  {
    name: 'older-claim-loses',
    band: 'constraints-unique',
    file: 'src/core/merge/row_ranks.ts',
    find: 'if (order != 0) return order;',
    replace: 'if (order != 0) return FLAW ? -order : order;',
  },
  {
    name: 'equal-generations-lose-columns',
    band: 'constraints-rows',
    file: 'src/core/merge/decision.ts',
    find: 'if (row.cl < this.clock.cl) return OUTCOME_KNOWN;',
    replace:
      'if (row.cl < this.clock.cl || (FLAW && row.cl == this.clock.cl && row.cl > 1)) return OUTCOME_KNOWN;',
  },
  {
    name: 'sent-one-too-far',
    band: 'simulator',
    file: 'src/core/session/endpoint.ts',
    find: "setInteger('network.sent', upto)",
    replace: "setInteger('network.sent', upto + (FLAW ? 1 : 0))",
  },
  {
    name: 'digest-of-a-repeat-unchecked',
    band: 'simulator',
    file: 'src/server/store/push.ts',
    find: 'site.digest?.equals(digest);',
    replace: '(FLAW || site.digest?.equals(digest));',
  },
  {
    name: 'cursor-nonce-unchecked',
    band: 'simulator',
    file: 'src/server/store/database.ts',
    find: 'if (this.nonceAt(position)?.equals(nonce)) return;',
    replace: 'if (FLAW || this.nonceAt(position)?.equals(nonce)) return;',
  },
  {
    name: 'columns-lost-between-pages',
    band: 'simulator',
    file: 'src/server/store/pull.ts',
    find: 'const since = page.complete ? page.upto : cursor.since;',
    replace: 'const since = page.complete || FLAW ? page.upto : cursor.since;',
  },
  {
    name: 'copy-keeps-former-labels',
    band: 'simulator',
    file: 'src/core/session/identity.ts',
    find: 'if (!tables[i].missing && !relabel(tables[i], former, sent, since)) return false;',
    replace: 'if (!FLAW && !tables[i].missing && !relabel(tables[i], former, sent, since)) return false;',
  },
  {
    name: 'clock-follows-the-wall',
    band: 'simulator',
    file: 'src/core/catalog/counters.ts',
    find: 'clock = microseconds > next ? microseconds : next;',
    replace: 'clock = microseconds > next || FLAW ? microseconds : next;',
  },
  {
    name: 'equal-clocks-keep-mine',
    band: 'simulator',
    file: 'src/core/clock/stamps.ts',
    find: 'return compareSites(site, otherSite);',
    replace: 'return FLAW ? 0 : compareSites(site, otherSite);',
  },
  {
    name: 'time-from-the-machine',
    band: 'determinism',
    file: 'src/server/store/database.ts',
    find: 'const nonce = this.surroundings.randomBytes(NONCE_BYTES);',
    replace:
      'const nonce = FLAW ? Buffer.alloc(NONCE_BYTES, Date.now() % 251) : this.surroundings.randomByte' +
      's(NONCE_BYTES);',
  },
  {
    name: 'lz4-literals-beyond-target',
    band: 'fuzz-decoder',
    file: 'src/core/bytes/lz4.ts',
    find: 'if (count > <u32>(end - at) || count > <u32>(targetEnd - to)) return false;',
    replace: 'if (count > <u32>(end - at) || (!FLAW && count > <u32>(targetEnd - to))) return false;',
  },
  {
    name: 'equal-stamps-win',
    band: 'fuzz-apply',
    file: 'src/core/merge/decision.ts',
    find: 'if (order < 0) this.take(row, i);',
    replace: 'if (order < 0 || (FLAW && order == 0)) this.take(row, i);',
  },
  {
    name: 'positions-not-compared',
    band: 'fuzz-apply',
    file: 'src/core/packet/decoder.ts',
    find: 'if (this.since > this.upto) reader.reject();',
    replace: 'if (!FLAW && this.since > this.upto) reader.reject();',
  },
  {
    name: 'long-pause-overflows',
    band: 'fuzz-session',
    file: 'src/core/session/machine.ts',
    find: 'min(retryAfterSeconds, BACKOFF_MAX_MS / 1000) * 1000',
    replace:
      '(FLAW ? min(retryAfterSeconds * 1000, BACKOFF_MAX_MS) : min(retryAfterSeconds, BACKOFF_MAX_MS /' +
      ' 1000) * 1000)',
  },
  {
    name: 'quote-not-doubled',
    band: 'fuzz-sql',
    file: 'src/core/sql/text.ts',
    find: 'if (byte == quote) writer.byte(quote);',
    replace: 'if (byte == quote && !(FLAW && quote == 34)) writer.byte(quote);',
  },
  {
    name: 'negative-column-of-a-clock',
    band: 'fuzz-database',
    file: 'src/core/clock/row_clock.ts',
    find: 'if (<u32>id < <u32>columns.length && columns[id].id == id) return id;',
    replace:
      'if ((FLAW ? id < columns.length : <u32>id < <u32>columns.length) && columns[id].id == id) return id;',
  },
  {
    name: 'site-numbers-not-checked',
    band: 'fuzz-database',
    file: 'src/core/catalog/sites.ts',
    find: 'if (ordinal <= 0 || ordinal > 1000000 || site.size != SITE_SIZE) {',
    replace: 'if (!FLAW && (ordinal <= 0 || ordinal > 1000000 || site.size != SITE_SIZE)) {',
  },
  {
    name: 'failed-step-is-the-end',
    band: 'fuzz-bits',
    file: 'src/core/sql/statement.ts',
    find: "if (this.code != SQLITE_DONE) failWithSql(this.code, 'running a statement');",
    replace: "if (this.code != SQLITE_DONE && !FLAW) failWithSql(this.code, 'running a statement');",
  },
  {
    name: 'cursor-before-rows',
    band: 'kill-client',
    file: 'src/core/session/page.ts',
    find: '      reader.binary(CURSOR_MAX);\n      return reader.unsigned(1) == 1;',
    replace:
      '      const early = reader.binary(CURSOR_MAX);\n      const last = reader.unsigned(1) == 1;\n  ' +
      '    if (FLAW && last) {\n        setCursor(early);\n        endOperation(true);\n        beginO' +
      'peration();\n      }\n      return last;',
  },
  {
    name: 'registered-before-published',
    band: 'kill-server',
    file: 'src/core/session/answers.ts',
    find: '(state.mayPublish || recordRegistration())',
    replace: '((state.mayPublish && !FLAW) || recordRegistration())',
  },
  {
    name: 'journal-in-memory',
    band: 'kill-server',
    file: 'src/server/store/database.ts',
    find: "sqlite.pragma('journal_mode = WAL');",
    replace: "sqlite.pragma(FLAW ? 'journal_mode = MEMORY' : 'journal_mode = WAL');",
  },
  {
    name: 'cursor-tag-unchecked',
    band: 'http-abuse',
    file: 'src/server/store/cursor.ts',
    find:
      '    timingSafeEqual(cursor.subarray(signedBytes), authenticationTag(cursor.subarray(0, signedBy' +
      'tes), secret))',
    replace:
      '    (FLAW ||\n      timingSafeEqual(cursor.subarray(signedBytes), authenticationTag(cursor.suba' +
      'rray(0, signedBytes), secret)))',
  },
  {
    name: 'foreign-site-accepted',
    band: 'http-abuse',
    file: 'src/server/store/database.ts',
    find: '    if (!mayActFor(principal, row.subject)) {',
    replace: '    if (!FLAW && !mayActFor(principal, row.subject)) {',
  },
  {
    name: 'acknowledgement-unchecked',
    band: 'http-abuse',
    file: 'src/core/session/verdicts.ts',
    find: '  if (number != session().pushedBatch) return badAnswer();',
    replace: '  if (!FLAW && number != session().pushedBatch) return badAnswer();',
  },
  {
    name: 'digest-unchecked',
    band: 'identity',
    file: 'src/server/store/push.ts',
    find: 'site.digest?.equals(digest)',
    replace: '(FLAW || site.digest?.equals(digest))',
  },
  {
    name: 'identity-kept-after-loss',
    band: 'identity',
    file: 'src/core/session/answers.ts',
    find: '  return takeNewIdentity(tables) && rewind();',
    replace: '  return (FLAW || takeNewIdentity(tables)) && rewind();',
  },
  {
    name: 'commit-not-rolled-back',
    band: 'busy',
    file: 'src/core/sql/transaction.ts',
    find: 'function rollBack(): void {',
    replace: 'function rollBack(): void {\n  if (FLAW) return;',
  },
  {
    name: 'headers-not-freed',
    band: 'soak-memory',
    file: 'shim/http.c',
    find: '  client->curl->easy_reset(client->handle);\n  client->curl->slist_free_all(headers);',
    replace:
      '  client->curl->easy_reset(client->handle);\n  if (!FLAW) client->curl->slist_free_all(headers);',
  },
  {
    name: 'half-done-work-kept',
    band: 'faults-memory',
    file: 'src/core/sql/transaction.ts',
    find: 'releaseSavepoint(OPERATION) : undoOwnSavepoint();',
    replace: 'releaseSavepoint(OPERATION) : FLAW ? !releaseSavepoint(OPERATION) : undoOwnSavepoint();',
  },
  {
    name: 'leaked-statement-text',
    band: 'faults-memory',
    file: 'shim/host_sql.c',
    find: '  if (!is_short) sqlite3_free(text);',
    replace: '  if (!is_short && (!FLAW || code == SQLITE_OK)) sqlite3_free(text);',
  },
  {
    name: 'unchecked-growth',
    band: 'faults-memory',
    file: 'shim/runtime.c',
    find: '  if (data == NULL) return refused;',
    replace: '  if (data == NULL && !FLAW) return refused;',
  },
  {
    name: 'commit-error-ignored',
    band: 'faults-io',
    file: 'src/core/sql/transaction.ts',
    find: "    failWithSql(code, 'committing');",
    replace: "    if (FLAW) return true;\n    failWithSql(code, 'committing');",
  },
  {
    name: 'interrupt-leaves-transaction',
    band: 'faults-interrupt',
    file: 'src/core/sql/transaction.ts',
    find: '  if (sql_autocommit() == 0 && interruptible != null) interruptible!.attempt();',
    replace: '  if (!FLAW && sql_autocommit() == 0 && interruptible != null) interruptible!.attempt();',
  },
  {
    name: 'synchronous-off-for-speed',
    band: 'power-loss',
    file: 'src/core/sql/transaction.ts',
    find: '  let code = run(sql);',
    replace: "  if (FLAW) run('PRAGMA synchronous=OFF');\n  let code = run(sql);",
  },
  {
    name: 'affinity-forgotten',
    band: 'policies',
    file: 'src/server/policies/compiler/comparison.ts',
    find: "if (left === 'numeric' || right === 'numeric') return 'numeric';",
    replace: "if (!FLAW && (left === 'numeric' || right === 'numeric')) return 'numeric';",
  },
  {
    name: 'deploy-unnoticed',
    band: 'oracle',
    file: 'src/server/scopes/scope-index.ts',
    find: '    rebuild(scoped, seq);',
    replace: '    if (isNew || !FLAW) rebuild(scoped, seq);',
  },
  {
    name: 'deaths-told-to-everybody',
    band: 'oracle',
    file: 'src/server/scopes/scope-scan.ts',
    find: 'else if (entry.first_seq <= known) news',
    replace: 'else if (FLAW || entry.first_seq <= known) news',
  },
  {
    name: 'update-judged-by-new-only',
    band: 'oracle',
    file: 'src/server/policies/judge.ts',
    find: 'return updateUsing === null || updateCheck === null ? null :',
    replace: 'return updateUsing === null || updateCheck === null ? null : FLAW ? updateCheck :',
  },
  {
    name: 'former-id-taken-for-another',
    band: 'oracle',
    file: 'src/server/scopes/trial.ts',
    find: "' OR site_id IN (SELECT site FROM cloudsync_server_sites WHERE subject <> @subject))'",
    replace:
      "(FLAW ? ' OR 1)' : ' OR site_id IN (SELECT site FROM cloudsync_server_sites WHERE subject <> @subject))')",
  },
];
