// asc-transform.mjs: a compiler plug-in that switches the shadow stack off. The compiler adds one to every program with
// a custom runtime, for garbage collectors that scan it; our runtime (src/core/runtime/arena.ts) collects nothing.
const RUNTIME_WITHOUT_COLLECTOR = 0;

export default class NoShadowStack {
  afterInitialize(program) {
    program.options.stackSize = 0;
    program.module.useShadowStack = false;
    program.options.runtime = RUNTIME_WITHOUT_COLLECTOR;
  }
}
