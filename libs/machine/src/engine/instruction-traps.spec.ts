import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { withTraps } from './instruction-traps';

const original = () => readFile(join(dirname(require.resolve('v86')), 'v86.wasm'));

it('makes a module with the same imports and exports of the engine’s', async () => {
  const bytes = await original();
  const [before, after] = await Promise.all([
    WebAssembly.compile(bytes),
    WebAssembly.compile(withTraps(bytes)),
  ]);
  expect(WebAssembly.Module.exports(after)).toEqual(WebAssembly.Module.exports(before));
  expect(WebAssembly.Module.imports(after)).toEqual(WebAssembly.Module.imports(before));
});

it('refuses a module that is another engine’s', () => {
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  expect(() => withTraps(Uint8Array.from(header))).toThrow(
    'the engine’s module has no section 2'.replace('’', "'"),
  );
});
