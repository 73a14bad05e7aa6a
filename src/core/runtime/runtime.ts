/** runtime.ts: what the compiler is given as the runtime; a file of its own so that arena.ts adds no exports. */
import './arena';
