import type { CardModel } from '@v3vee/contracts';
import type { CardDriver, ConfigClient, GuestIdentity } from '@v3vee/machine';
import type { VmDefinition } from '@v3vee/store';
import type { HostsEntry } from '../lifecycle/ports';

export const MTU = 1500;
/** A guest from a template takes its configuration within a fraction of a second, on a busy machine within a few. */
const CONFIGURE_MS = 15_000;
/** A blank disk gets a file system first. */
const DISKS_CONFIGURE_MS = 50_000;
/** A cold boot, on a machine that boots others at the same time. */
const BOOT_MS = 240_000;
/** A shorter standstill (a snapshot's) is not worth correcting the clock for. */
const CLOCK_TOLERANCE_MS = 500;
/** Names in one request of the configuration channel, whose lines are bounded. */
const NAMES_AT_ONCE = 40;

/** What Debian has for each physical card. */
const DRIVERS: Record<CardModel, CardDriver> = {
  ne2000: 'ne2k-pci',
  rtl8139: '8139too',
  'rtl8139c+': '8139cp',
};

/**
 * How a guest came to be, which decides what it must be told when it first runs: from a template and as a clone it
 * is told who it is at once, after a cold boot when it is up; a resumed one knows, but not what time it is; one that
 * moved is told only what a guest is told that stood still.
 */
export type Origin = 'template' | 'cold' | 'resumed' | 'clone' | 'moved';

export interface BriefingOptions {
  /** Of a guest that listens; absent: its image has no configuration channel, and it is told nothing. */
  config: Pick<ConfigClient, 'up' | 'configure' | 'setClock' | 'setHosts' | 'renewLeases'> | undefined;
  definition: Pick<VmDefinition, 'name' | 'nics' | 'wifi' | 'disks'>;
  origin: Origin;
  names: HostsEntry[];
  /** It was not told; it goes on all the same. */
  complain: (what: string, thrown: unknown) => void;
}

/** What a guest is told, one thing after another: who it is, what time it is, who else there is. */
export class Briefing {
  readonly #options: BriefingOptions;
  #names: HostsEntry[];
  /** Name to address, as the guest knows them from us. */
  readonly #known = new Map<string, string>();
  #told: Promise<void> | undefined;

  constructor(options: BriefingOptions) {
    this.#options = options;
    this.#names = options.names;
  }

  /** Resolves when it has been told all that there was to tell; never fails. Absent: it has not run yet. */
  get told(): Promise<void> | undefined {
    return this.#told;
  }

  /** How long one waits for a guest that has just started: it may never listen. */
  get patienceMs(): number {
    return this.#options.definition.disks.length > 0 ? DISKS_CONFIGURE_MS : CONFIGURE_MS;
  }

  /** To be called once, when it runs for the first time. */
  begin(): void {
    this.#told = this.#options.origin === 'moved' ? Promise.resolve() : this.#introduce();
  }

  setNames(names: HostsEntry[]): void {
    this.#names = names;
  }

  /** After a standstill. @param stoodStillMs how long it was */
  catchUp(stoodStillMs = 0): void {
    if (stoodStillMs >= CLOCK_TOLERANCE_MS) this.#then(() => this.#tellTime());
    this.#then(() => this.#tellNames());
  }

  /** After what the guest is being told now, if it has been told who it is at all. */
  #then(telling: () => Promise<void>): void {
    this.#told = this.#told?.then(() => this.#tell('of a change', telling));
  }

  async #introduce(): Promise<void> {
    await this.#tell('who it is', async config => {
      // A state may be from before its guest listened: then it is told when it is up, as after a cold boot. As long as
      // it does not say so it is still busy with what it was told.
      const heard = this.#options.origin !== 'cold' && (await this.#introduceAtOnce(config));
      if (!heard) {
        await config.up(BOOT_MS);
        await config.configure(this.#identity(), BOOT_MS);
      }
      await this.#tellNames();
    });
  }

  async #introduceAtOnce(config: NonNullable<BriefingOptions['config']>): Promise<boolean> {
    const telling =
      this.#options.origin === 'resumed' ? this.#tellTime() : config.configure(this.#identity(), BOOT_MS);
    return telling.then(
      () => true,
      () => false,
    );
  }

  /** What its clock missed; and leases may have ended meanwhile. */
  async #tellTime(): Promise<void> {
    const { config, complain, definition } = this.#options;
    await config?.setClock(BOOT_MS);
    if (![...definition.nics, ...definition.wifi].some(({ dhcp }) => dhcp)) return;
    // It listens and knows the time; a guest that knows nothing of leases asks when it thinks that they end.
    await config
      ?.renewLeases(CONFIGURE_MS)
      .catch(thrown => complain('the guest could not be told to ask for its addresses', thrown));
  }

  /** The names that it has not been told yet. */
  async #tellNames(): Promise<void> {
    const news = this.#names.filter(entry => this.#known.get(entry.name) !== entry.address);
    for (let at = 0; at < news.length; at += NAMES_AT_ONCE) {
      const some = news.slice(at, at + NAMES_AT_ONCE);
      await this.#options.config?.setHosts(
        some.map(({ name, address }) => ({ name, ip: address })),
        CONFIGURE_MS,
      );
      for (const { name, address } of some) this.#known.set(name, address);
    }
  }

  #identity(): GuestIdentity {
    const { name, nics, wifi, disks } = this.#options.definition;
    // A resolver asks its servers for the same names, so there is one: the first card's that has one.
    const dns = nics.find(nic => nic.dns)?.dns ?? undefined;
    return {
      hostname: name,
      nics: nics.map(({ mac, ip, dhcp, model }) => ({
        ...{ mac, mtu: MTU, cidr: dhcp ? 'dhcp' : (ip ?? undefined) },
        driver: model ? DRIVERS[model] : undefined,
      })),
      disks: disks
        .filter(({ cdrom }) => !cdrom)
        .map(({ name: disk, mount, root, readOnly, image }) => ({
          ...{ name: disk, mount: mount ?? `/mnt/${disk}`, root, readOnly, blank: image === null },
        })),
      wifi: wifi.map(({ mac, ssid, passphrase, ip, dhcp }) => ({
        ...{ mac, ssid: ssid ?? undefined, passphrase: passphrase ?? undefined },
        cidr: dhcp ? 'dhcp' : (ip ?? undefined),
      })),
      dns,
    };
  }

  /** A guest that does not listen is no reason to end it. */
  async #tell(
    what: string,
    telling: (config: NonNullable<BriefingOptions['config']>) => Promise<void>,
  ): Promise<void> {
    const { config, complain } = this.#options;
    if (!config) return;
    await telling(config).catch(thrown => complain(`the guest could not be told ${what}`, thrown));
  }
}
