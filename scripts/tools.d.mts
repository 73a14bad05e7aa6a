/**
 * tools.d.mts: types of those helpers in tools.mjs that tests in TypeScript use.
 */

/** All files below a folder or the file itself, sorted; empty when there is nothing. */
export function filesBelow(path: string): string[];

/** A fingerprint of texts and of the names and contents of all files at or below the given paths. */
export function fingerprint(paths: string[], texts?: string[]): string;
