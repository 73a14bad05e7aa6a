/**
 * completion.ts: whether everything has arrived that belongs together. Between two pages of a pull a parent may be
 * gone whose children are moved by the next page: until the last page foreign keys act on nothing, and a deletion that
 * rows here forbid waits.
 */
import { removeSetting, setInteger, settingInteger } from '../catalog/settings';

/** Set while a pull has more to come. */
const PARTIAL = 'network.partial';

export function exchangeIsComplete(): bool {
  return settingInteger(PARTIAL, 0) == 0;
}

/**
 * A page is about to be merged; `last`: none follows. True when that ends an exchange in several pages, see
 * hasFailed().
 */
export function beginPage(last: bool): bool {
  const partial = !exchangeIsComplete();
  if (last && partial) return removeSetting(PARTIAL);
  if (!last && !partial) setInteger(PARTIAL, 1);
  return false;
}
