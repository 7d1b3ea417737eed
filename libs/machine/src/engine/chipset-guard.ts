import { GuestExit } from './guest-exit';
import type { V86Cpu } from './v86-internals';

/**
 * Accesses to the engine's own chipset that must not reach it as they are: the ways in which a PC resets itself
 * (the engine would reboot in place; we end the run and let the VMM decide), and PCI configuration accesses at
 * which the engine fails.
 */

const KEYBOARD_COMMAND = 0x64;
const PULSE_RESET = 0xfe;
const SYSTEM_CONTROL = 0x92;
const CONFIG_ADDRESS = 0xcf8;
const RESET_CONTROL = 0xcf9;
const CONFIG_DATA = 0xcfc;

export class ChipsetGuard {
  private readonly address = new Uint8Array(4);

  constructor(
    private readonly cpu: V86Cpu,
    /** Writes a byte to the engine's port, past all hooks. */
    private readonly writeEngine8: (port: number, value: number) => void,
  ) {}

  /**
   * Looks at a write of `1 << width` bytes before the engine gets it.
   * @returns false if the engine must not get it
   */
  admits(port: number, width: number, value: number): boolean {
    if (port === KEYBOARD_COMMAND && value === PULSE_RESET) throw reset('the keyboard controller');
    if (port === SYSTEM_CONTROL && value & 1) throw reset('port 0x92');
    if (port >= CONFIG_ADDRESS && port < CONFIG_DATA + 4) return this.admitsConfig(port, width, value);
    return true;
  }

  private admitsConfig(port: number, width: number, value: number): boolean {
    if (port === RESET_CONTROL && width === 0 && value & 4) throw reset('port 0xcf9');
    if (port >= CONFIG_DATA) return this.addressed();
    for (let i = 0; i < 1 << width && port + i < CONFIG_ADDRESS + 4; i++) {
      this.address[port + i - CONFIG_ADDRESS] = (value >>> (8 * i)) & 0xff;
    }
    // The engine sees its reset port in the middle byte of a plain address and reboots when bit 2 rises there.
    if (width === 2 && port === CONFIG_ADDRESS) this.writeEngine8(RESET_CONTROL, 0);
    return true;
  }

  /** Whether a function answers at the configuration address; the engine fails on writes to one that does not. */
  private addressed(): boolean {
    const bdf = (this.address[2]! << 8) | this.address[1]!;
    return this.cpu.devices.pci.device_spaces[bdf] !== undefined;
  }
}

const reset = (by: string) => new GuestExit('guest-reset', `the guest reset the machine through ${by}`);
