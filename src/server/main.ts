#!/usr/bin/env node
/**
 * main.ts: the program `cloudsync`: chooses the command. Exit codes: 0 done, 1 failed, 2 wrong usage.
 */
import { KEY_HELP, manageKeys } from './command-line/key.js';
import { OPERATIONS_HELP, operate } from './command-line/operations.js';
import { UsageError } from './command-line/options.js';
import { managePolicies, POLICY_HELP } from './command-line/policy.js';
import { serve } from './command-line/serve.js';
import { SERVE_HELP } from './command-line/serve-options.js';
import { manageTokens, TOKEN_HELP } from './command-line/token.js';

async function main(words: string[]): Promise<void> {
  const [command, ...rest] = words;
  if (command === 'serve') await serve(rest, process.env);
  else if (command === 'key') manageKeys(rest, process.env);
  else if (command === 'token') manageTokens(rest, process.env);
  else if (command === 'policy') process.exitCode = managePolicies(rest, process.env);
  else if (command === 'backup' || command === 'restore' || command === 'doctor') {
    process.exitCode = await operate(command, rest, process.env);
  } else if (command === '--help' || command === 'help') {
    process.stdout.write(`${SERVE_HELP}\n${KEY_HELP}\n${TOKEN_HELP}\n${POLICY_HELP}\n${OPERATIONS_HELP}`);
  } else {
    throw new UsageError(command === undefined ? 'a command is missing' : `unknown command "${command}"`);
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  const isUsage = error instanceof UsageError;
  process.stderr.write(`cloudsync: ${message}\n${isUsage ? 'cloudsync --help explains the commands\n' : ''}`);
  process.exit(isUsage ? 2 : 1);
});
