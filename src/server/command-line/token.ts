/**
 * token.ts: `cloudsync token`: ends tokens of identity providers before their time. It works on the table of
 * revocations directly; a running server notices at once.
 */
import { existsSync } from 'node:fs';
import { openDataDirectory } from '../data-directory.js';
import { MACHINE } from '../surroundings.js';
import { Revocations } from '../tokens/revocations.js';
import { subjectOf } from '../tokens/token-verifier.js';
import { describeOptions, type OptionTable, readArguments, UsageError } from './options.js';

const OPTIONS = {
  data: { value: 'DIR', help: 'data directory of the server', environment: 'CLOUDSYNC_DATA' },
  issuer: { value: 'URL', help: 'the claim iss of the tokens' },
} satisfies OptionTable;

export const TOKEN_HELP = `usage: cloudsync token revoke --data DIR --issuer URL SUBJECT

All tokens of that subject (their claim sub) that were issued up to now are refused from the next request on.

${describeOptions(OPTIONS)}
`;

/**
 * Runs one token command and prints its result.
 *
 * @throws UsageError when the command is incomplete or names something that does not exist
 */
export function manageTokens(words: string[], environment: NodeJS.ProcessEnv): void {
  const { values, operands, wantsHelp } = readArguments(OPTIONS, words, environment);
  if (wantsHelp) {
    process.stdout.write(TOKEN_HELP);
    return;
  }
  const [action, subject, ...surplus] = operands;
  if (action !== 'revoke') throw new UsageError('token needs the word revoke');
  if (subject === undefined) throw new UsageError('token revoke needs the SUBJECT of the tokens');
  if (surplus.length > 0) throw new UsageError(`token revoke takes no argument "${surplus[0]}"`);
  if (values.data === undefined) throw new UsageError('token needs --data DIR');
  if (values.issuer === undefined) throw new UsageError('token revoke needs --issuer URL');
  if (!existsSync(values.data)) throw new UsageError(`there is no data directory ${values.data}`);
  const revocations = new Revocations(openDataDirectory(values.data).keys);
  revocations.revoke(subjectOf(values.issuer, subject), MACHINE.now());
  revocations.close();
  process.stdout.write(`revoked the tokens of ${subject}\n`);
}
