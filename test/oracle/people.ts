/**
 * people.ts: the users of a history and the tokens that they have had: each with other claims. A token is the text
 * `user/number of its claims`; the service has a key of its own and may do everything.
 */
import type { Principal } from '../../src/server/principal.js';
import type { Random } from '../sim/random.js';

export interface Claims {
  sub: string;
  /** A number, or the text of one: columns of either type are compared with it. */
  org?: number | string;
  teams?: (number | string)[];
  level?: number;
  role?: string;
}

export interface Person {
  sub: string;
  /** What its tokens say, one after another. */
  claims: readonly Claims[];
}

/** The credential that no policy restricts. */
export const SERVICE = 'service';
/** Names of users; some are numbers, which columns may hold as such. */
const SUBJECTS = ['ann', '7', 'ben', '8'] as const;
/** What columns about organisations and teams hold. */
export const ORGANISATIONS: readonly (number | string)[] = [1, 2, '1', 'red'];
const CLAIMS_EACH = 3;

export function drawPeople(random: Random): Person[] {
  const count = random.between(2, SUBJECTS.length);
  return SUBJECTS.slice(0, count).map((sub) => ({
    sub,
    claims: Array.from({ length: CLAIMS_EACH }, () => drawClaims(sub, random)),
  }));
}

function drawClaims(sub: string, random: Random): Claims {
  return {
    sub,
    ...(random.chance(0.8) && { org: random.pick(ORGANISATIONS) }),
    ...(random.chance(0.7) && { teams: ORGANISATIONS.filter(() => random.chance(0.4)) }),
    ...(random.chance(0.8) && { level: random.between(1, 3) }),
    ...(random.chance(0.3) && { role: 'boss' }),
  };
}

export function tokenOf(person: Person, version: number): string {
  return `${person.sub}/${version % person.claims.length}`;
}

/** What a token of a user says; undefined for the service's key. */
export function claimsOf(people: readonly Person[], token: string): Claims | undefined {
  const [sub, version] = token.split('/');
  return people.find((each) => each.sub === sub)?.claims[Number(version)];
}

/** Who asks with a credential, as the server's authentication would say. */
export function principalOf(people: readonly Person[], token: string): Principal {
  const claims = claimsOf(people, token);
  if (claims === undefined) return { subject: SERVICE, role: 'schema', databases: '*' };
  return { subject: `people ${claims.sub}`, role: 'user', databases: '*', claims: { ...claims } };
}
