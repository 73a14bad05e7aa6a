/**
 * steps.ts: a history as data, as in test/sim/steps.ts, with what happens to users and policies.
 */
import type { Common, CommonStep } from '../sim/steps.js';

export type OracleStep =
  | CommonStep
  | (Common &
      /** Plain SQL in the server's file, by another program. */
      (
        | { do: 'service'; statements: string[] }
        /** New policies, drawn from a seed: for one table, or for all. */
        | { do: 'deploy'; seed: number; table: number | undefined }
        /** A device gets another token of its user. */
        | { do: 'token'; device: number; version: number }
        /** Another user, by number, takes a device over: logout, and what was not sent is lost. */
        | { do: 'user'; device: number; person: number }
      ));
