/* register.mjs: lets Node run the TypeScript of the tests in a child: `node --import ./register.mjs file.ts`. */
import { register } from 'node:module';

register('./typescript.mjs', import.meta.url);
