/** Unique keys: order independence, against the reference model. */
import { UNIQUE_KINDS } from './kinds_unique.js';
import { oneByOne, playBand } from './run.js';

playBand('constraints-unique', oneByOne(UNIQUE_KINDS));
