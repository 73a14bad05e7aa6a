/**
 * options.ts: options of the command line. One table per command describes them; reading, checking and the
 * help text all come from it. Every option that takes a value may also be given as an environment variable.
 */
import { parseArgs } from 'node:util';

/** A mistake of whoever typed the command: reported without a stack. */
export class UsageError extends Error {}

export interface OptionEntry {
  /** Name of the value in the help text. */
  value: string;
  help: string;
  environment?: string;
  fallback?: string;
}

export type OptionTable = Record<string, OptionEntry>;

export interface Arguments<Table extends OptionTable> {
  values: Partial<Record<keyof Table, string>>;
  /** Arguments that are no options. */
  operands: string[];
  wantsHelp: boolean;
}

/**
 * Reads the arguments of a command. What is typed wins, then comes the environment, then the file, then the fallback.
 *
 * @param file values by option from a configuration file
 * @throws UsageError for an unknown option, a missing value or an option that is given twice
 */
export function readArguments<Table extends OptionTable>(
  table: Table,
  words: string[],
  environment: NodeJS.ProcessEnv,
  file: Readonly<Record<string, string>> = {},
): Arguments<Table> {
  const options = Object.fromEntries(
    Object.keys(table).map((name) => [name, { type: 'string', multiple: true }]),
  );
  const config = {
    ...(options as Record<string, { type: 'string'; multiple: true }>),
    help: { type: 'boolean' },
  };
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({
      args: words,
      options: config as NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>,
      allowPositionals: true,
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const values: Partial<Record<keyof Table, string>> = {};
  for (const name of Object.keys(table)) {
    const value =
      pickValue(name, table[name], parsed.values[name], environment) ?? file[name] ?? table[name]?.fallback;
    if (value !== undefined) values[name as keyof Table] = value;
  }
  return { values, operands: parsed.positionals, wantsHelp: parsed.values.help === true };
}

/**
 * Reads a whole number.
 *
 * @throws UsageError when it is none or is out of range
 */
export function readNumber(option: string, text: string, minimum: number, maximum: number): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= minimum && number <= maximum) return number;
  throw new UsageError(`--${option} ${text}: a whole number from ${minimum} to ${maximum} is expected`);
}

/**
 * Reads one of several words.
 *
 * @throws UsageError when it is none of them
 */
export function readChoice<Choice extends string>(
  option: string,
  text: string,
  choices: readonly Choice[],
): Choice {
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined)
    throw new UsageError(`--${option} ${text}: expected one of ${choices.join(', ')}`);
  return choice;
}

/** The lines of the help text for a table of options. */
export function describeOptions(table: OptionTable): string {
  const lines = Object.entries(table).map(([name, entry]) => {
    const notes = [];
    if (entry.fallback !== undefined) notes.push(`default ${entry.fallback}`);
    if (entry.environment !== undefined) notes.push(`or ${entry.environment}`);
    const suffix = notes.length > 0 ? ` (${notes.join('; ')})` : '';
    return `  ${`--${name} ${entry.value}`.padEnd(22)} ${entry.help}${suffix}`;
  });
  return [...lines, `  ${'--help'.padEnd(22)} print this text`].join('\n');
}

function pickValue(
  name: string,
  entry: OptionEntry | undefined,
  given: unknown,
  environment: NodeJS.ProcessEnv,
): string | undefined {
  if (Array.isArray(given)) {
    if (given.length > 1) throw new UsageError(`--${name} is given twice`);
    return String(given[0]);
  }
  const fromEnvironment = entry?.environment === undefined ? undefined : environment[entry.environment];
  return fromEnvironment;
}
