/**
 * webassembly.d.ts: the part of JavaScript's WebAssembly interface that the tests use. Its usual declaration is in
 * TypeScript's library for browsers, which we leave out so that browser names do not slip into code for Node.
 */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
    static imports(module: Module): { module: string; name: string; kind: string }[];
    static exports(module: Module): { name: string; kind: string }[];
  }
}
