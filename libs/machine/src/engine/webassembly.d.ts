/** What we use of WebAssembly's JavaScript interface; the ES libraries leave it to the DOM's declarations. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
    static imports(module: Module): { module: string; name: string; kind: string }[];
    static exports(module: Module): { name: string; kind: string }[];
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum?: number; shared?: boolean });
    readonly buffer: ArrayBuffer;
  }
  class RuntimeError extends Error {}
  type Exports = Record<string, unknown>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- functions of any signature
  type ModuleImports = Record<string, any>;
  class Instance {
    constructor(module: Module, imports?: Record<string, ModuleImports>);
    readonly exports: Exports;
  }
  function compile(bytes: Uint8Array): Promise<Module>;
  function instantiate(module: Module, imports: Record<string, ModuleImports>): Promise<Instance>;
}
