/**
 * sign-in.ts: asks for the admin key, and tries it before anything else is shown.
 */
import { ApiError, forgetKey, get, keepKey } from './api.js';
import { type Content, element, field, problemBox } from './dom.js';

/**
 * The form for the key.
 *
 * @param problem why it is shown again; empty at first
 * @param onSignedIn called when the server has accepted the key
 */
export function signInForm(problem: string, onSignedIn: () => void): Content {
  const input = element('input', {
    type: 'password',
    name: 'key',
    required: true,
    autocomplete: 'off',
    spellcheck: 'false',
    placeholder: 'csk_…',
  });
  const button = element('button', { class: 'main' }, 'Sign in');
  const problems = element('div', {}, problem === '' ? null : problemBox(problem));
  const form = element(
    'form',
    { class: 'sign-in' },
    element('h1', {}, 'cloudsync admin'),
    field('Admin key', input, 'A key of role admin. It stays in this tab and is forgotten with it.'),
    problems,
    button,
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    button.disabled = true;
    tryKey(input.value.trim()).then((refusal) => {
      button.disabled = false;
      if (refusal === undefined) return onSignedIn();
      problems.replaceChildren(problemBox(refusal));
      input.select();
    });
  });
  return form;
}

/** Keeps the key when the server accepts it; else returns why not. */
async function tryKey(key: string): Promise<string | undefined> {
  // A header holds no other characters; the browser would refuse the request in words of its own.
  if (!/^[\x21-\x7e]+$/.test(key)) return 'This is no key: a key begins with csk_ and has no spaces.';
  keepKey(key);
  try {
    await get('/names');
    return undefined;
  } catch (error) {
    forgetKey();
    if (!(error instanceof ApiError)) throw error;
    return refusalText(error);
  }
}

/** What a refused key means, in words for whoever has typed it. */
export function refusalText({ status, message }: ApiError): string {
  if (status === 401) return 'This key is wrong or revoked.';
  if (status === 403) return 'This key is valid, but its role is not admin.';
  return message;
}
