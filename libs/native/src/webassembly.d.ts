/** What native jobs use of WebAssembly's JavaScript interface besides what `@v3vee/machine` declares. */
declare namespace WebAssembly {
  class Global {
    value: number;
  }
  class Table {
    set(index: number, value: unknown): void;
  }
  class CompileError extends Error {}
  class LinkError extends Error {}
  function validate(bytes: Uint8Array): boolean;
}
