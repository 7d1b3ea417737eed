import { DeviceRegistry, type DeviceModule } from '@v3vee/devices';
import { MachineError } from '../../errors';
import { registerBuiltIn } from './built-in';

/**
 * All device classes of this host.
 * @param modules paths of modules of the operator's, which run in the guest's thread with all rights of this process
 * @throws MachineError INVALID_REQUEST a module cannot be used
 */
export async function loadDeviceClasses(modules: readonly string[]): Promise<DeviceRegistry> {
  const registry = new DeviceRegistry();
  registerBuiltIn(registry);
  for (const path of modules) {
    try {
      const module = (await import(path)) as Partial<DeviceModule>;
      if (typeof module.register !== 'function') throw new Error('it exports no function "register"');
      module.register(registry);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new MachineError('INVALID_REQUEST', `the device module ${path} cannot be used: ${message}`, {
        cause,
      });
    }
  }
  return registry;
}
