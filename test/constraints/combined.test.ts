/** Unique keys, foreign keys and rules of rows together: order independence, against the reference model. */
import { COMBINED_KINDS } from './kinds_combined.js';
import { oneByOne, playBand } from './run.js';

playBand('constraints-combined', oneByOne(COMBINED_KINDS));
