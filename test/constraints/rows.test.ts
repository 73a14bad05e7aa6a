/** Rules that a row breaks by itself: order independence, against the reference model. */
import { ROW_KINDS } from './kinds_rows.js';
import { oneByOne, playBand } from './run.js';

playBand('constraints-rows', oneByOne(ROW_KINDS));
