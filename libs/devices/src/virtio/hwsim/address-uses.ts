import { encodeMacUse, type HwsimMacUse } from '@v3vee/wire';

/** More addresses than a guest has radios, interfaces and scans for. */
const MAX_USES = 64;

/** One use; an address that two use is there twice. */
export interface AddressUse {
  /** Six bytes each. */
  radio: Uint8Array;
  address: Uint8Array;
}

/**
 * Which addresses the guest's radios use. Its driver says so when an interface comes up, and nothing when it goes
 * away with a reset or goes on in another machine: so the device remembers, and says it in the driver's place.
 */
export class AddressUses {
  private uses: AddressUse[] = [];

  get count(): number {
    return this.uses.length;
  }

  /** @returns false, and nothing noted: there are too many, or what ceased had not begun */
  note({ kind, radio, address }: HwsimMacUse): boolean {
    if (kind === 'addMac') {
      if (this.uses.length >= MAX_USES) return false;
      this.uses.push({ radio: Uint8Array.from(radio), address: Uint8Array.from(address) });
      return true;
    }
    const at = this.uses.findIndex(use => same(use.radio, radio) && same(use.address, address));
    if (at >= 0) this.uses.splice(at, 1);
    return at >= 0;
  }

  /** A message for each use, that it began or ceased. */
  messages(kind: HwsimMacUse['kind']): Uint8Array<ArrayBuffer>[] {
    return this.uses.map(use => encodeMacUse({ kind, ...use }));
  }

  save(): AddressUse[] {
    return structuredClone(this.uses);
  }

  restore(uses: readonly AddressUse[]): void {
    this.uses = structuredClone(uses.slice(0, MAX_USES));
  }
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, i) => byte === b[i]);
