/** Foreign keys: order independence, against the reference model. */
import { ACTIONS, actionKinds, REFERENCE_KINDS } from './kinds_references.js';
import { oneByOne, playBand } from './run.js';

const actions = ACTIONS.map((onDelete) => ({
  name: `ON DELETE ${onDelete} with every action ON UPDATE`,
  kinds: actionKinds(onDelete),
  weight: 4,
}));

playBand('constraints-references', [...actions, ...oneByOne(REFERENCE_KINDS)]);
