/**
 * configuration-file.ts: the configuration file of `cloudsync serve --config FILE`: a JSON object with the names of the
 * options (as on the command line, which wins, as does the environment) and "tokens", a list of issuers
 * (tokens/issuer-settings.ts).
 */
import { readFileSync } from 'node:fs';
import { ConfigurationError, type IssuerSettings, objectOf, readIssuer } from '../tokens/issuer-settings.js';
import { UsageError } from './options.js';

export interface ConfigurationFile {
  /** Values of options, as they would be typed. */
  options: Record<string, string>;
  issuers: IssuerSettings[];
}

/**
 * @param file its path
 * @param names of the options that may stand in it
 * @throws UsageError saying which setting is wrong and what is expected
 */
export function readConfigurationFile(
  file: string,
  names: readonly string[],
  environment: NodeJS.ProcessEnv,
): ConfigurationFile {
  try {
    const { tokens, ...options } = objectOf(parse(file), 'the file');
    return { options: readOptions(options, names), issuers: readIssuers(tokens ?? [], environment) };
  } catch (error) {
    if (error instanceof ConfigurationError) throw new UsageError(`--config ${file}: ${error.message}`);
    throw error;
  }
}

function parse(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ConfigurationError(error instanceof Error ? error.message : String(error));
  }
}

function readOptions(values: Record<string, unknown>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (!names.includes(name)) {
        throw new ConfigurationError(`"${name}" is no setting; there are ${[...names, 'tokens'].join(', ')}`);
      }
      if (typeof value !== 'string' && typeof value !== 'number') {
        throw new ConfigurationError(`${name} must be a text or a number`);
      }
      return [name, String(value)];
    }),
  );
}

function readIssuers(value: unknown, environment: NodeJS.ProcessEnv): IssuerSettings[] {
  if (!Array.isArray(value)) throw new ConfigurationError('tokens must be a list');
  const issuers = value.map((each, index) => readIssuer(each, `tokens[${index}]`, environment));
  const names = issuers.map(({ issuer }) => issuer);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new ConfigurationError(`tokens: the issuer "${twice}" is there twice`);
  return issuers;
}
