import { definition, FakeHost } from './fake-host.fixture';
import { Vm } from './vm';

export const setUp = () => {
  const vmDefinition = definition();
  const host = new FakeHost([vmDefinition]);
  const vm = new Vm(host, vmDefinition, undefined);
  const row = () => host.rows.get(vm.id);
  return { host, vm, row, vmDefinition };
};
export const started = async () => {
  const all = setUp();
  await all.vm.start();
  return all;
};
/** Until what the lock made wait has had its turn. */
export const settled = () => new Promise(resolve => setImmediate(resolve));
export const code = (expected: string) => expect.objectContaining({ code: expected });
