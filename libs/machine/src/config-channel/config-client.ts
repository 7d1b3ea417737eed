import { pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { V3Error } from '@v3vee/contracts';
import { LineReader } from '../agent/line-reader';
import type { GuestChannel } from '../worker/channel';
import { within } from '../timeout';
import { Listeners } from '../worker/listeners';

/** What Linux has for the cards that a host may have. */
export type CardDriver = 'ne2k-pci' | '8139too' | '8139cp';

/** Who a guest is: what makes a copy of a template a machine of its own. */
export interface GuestIdentity {
  hostname: string;
  /**
   * In the order of the cards. `cidr` is `10.0.0.2/24` or `dhcp`, for an address to be asked for; without it the card
   * comes up without an address. `driver`: a physical card, for which the guest has to load one.
   */
  nics: { mac: string; cidr?: string; mtu: number; driver?: CardDriver }[];
  /** Mounted where they are not yet; a blank one gets a file system if it has none. */
  disks?: DiskIdentity[];
  /** Wi-Fi NICs, wlan0 … in order; the guest has as many radios. */
  wifi?: WifiIdentity[];
  /** Who answers for names, and the domain of names without a dot. */
  dns?: { server: string; domain: string };
  /** Names of other machines. */
  hosts?: { name: string; ip: string }[];
}

export interface DiskIdentity {
  /** Its serial number. */
  name: string;
  /** An absolute path of letters, digits, dots, hyphens and underscores. */
  mount: string;
  readOnly: boolean;
  /** It was made blank: without a file system it is new. */
  blank: boolean;
  /** The guest keeps its own files on it. */
  root: boolean;
}

export interface WifiIdentity {
  mac: string;
  /** Joined from the start, and again whenever it is lost. Absent: the NIC stays down, for the guest's user. */
  ssid?: string;
  /** Of WPA2-PSK, 8 … 63 printable ASCII characters; absent: the network is an open one. */
  passphrase?: string;
  /** `10.0.0.2/24`, or `dhcp` for an address to be asked for once it is connected; absent: none. */
  cidr?: string;
}

const MAX_LINE = 4096;
const SEED_BYTES = 32;

interface Expected {
  verb: string;
  resolve(): void;
  reject(error: Error): void;
}

/**
 * Host side of the guest's configuration port: one request a line, one answer a line (`ok VERB` or
 * `error VERB text`), answers in order, so that requests are written ahead without waiting.
 * The guest says `up` when its side starts; what was asked before is not answered then.
 */
export class ConfigClient {
  private readonly expected: Expected[] = [];
  private readonly ups = new Listeners<[]>();
  private isUp = false;
  /** Set when the guest ended. */
  private ended: Error | undefined;
  private readonly reader = new LineReader(MAX_LINE, line => this.received(line.toString('utf8').trim()));

  constructor(private readonly channel: GuestChannel) {
    channel.onData(data => this.reader.push(data));
    channel.onEnd(error => {
      this.ended = error;
      for (const { reject } of this.expected.splice(0)) reject(error);
    });
  }

  /** Resolves once the guest said `up`. */
  async up(timeoutMs: number): Promise<void> {
    if (this.isUp) return;
    if (this.ended) throw this.ended;
    const remove: (() => void)[] = [];
    const up = new Promise<void>((resolve, reject) => {
      remove.push(this.ups.add(resolve), this.channel.onEnd(reject));
    });
    try {
      await within(up, timeoutMs, () =>
        silent('the guest did not come up: its configuration agent said nothing'),
      );
    } finally {
      for (const stop of remove) stop();
    }
  }

  /** Makes the guest who it is: clock, randomness, names, cards. @throws V3Error INVALID_REQUEST, GUEST_FAILED, VM_NO_AGENT */
  async configure(
    { hostname, nics, disks = [], wifi = [], dns, hosts = [] }: GuestIdentity,
    timeoutMs = 10_000,
  ): Promise<void> {
    const wifiLines = await Promise.all(wifi.map(wifiLine));
    const lines = [
      clockLine(),
      `seed ${randomBytes(SEED_BYTES).toString('base64')}`,
      // Before what is written to files that may be on them.
      ...disks.map(diskLine),
      `hostname ${hostname}`,
      ...nics.map(nicLine),
      ...wifiLines,
      ...(dns ? [`dns ${dns.server} ${dns.domain}`] : []),
      ...(hosts.length ? [hostsLine(hosts)] : []),
      'ready',
    ];
    await this.send(lines, timeoutMs);
  }

  /** Sets the guest's clock to ours; needed after every pause and restore, for which guest time stood still. */
  async setClock(timeoutMs = 5_000): Promise<void> {
    await this.send([clockLine()], timeoutMs);
  }

  /** Has the guest ask again for what DHCP lent it: its leases may have ended while its time stood still. */
  async renewLeases(timeoutMs = 5_000): Promise<void> {
    await this.send(['lease'], timeoutMs);
  }

  async setHosts(hosts: { name: string; ip: string }[], timeoutMs = 5_000): Promise<void> {
    if (hosts.length) await this.send([hostsLine(hosts)], timeoutMs);
  }

  /** Asks the guest to write its files out and to power off; it then ends with `guest-poweroff`. */
  async powerOff(timeoutMs = 5_000): Promise<void> {
    await this.send(['poweroff'], timeoutMs);
  }

  /** After the guest was put into another state: nobody will answer what was asked before. */
  reset(): void {
    this.reader.reset();
    for (const { reject } of this.expected.splice(0)) reject(silent('the guest was put into another state'));
  }

  private async send(lines: string[], timeoutMs: number): Promise<void> {
    if (this.ended) throw this.ended;
    const answers = lines.map(line => {
      if (/[\r\n]/.test(line) || line.length > MAX_LINE - 1) {
        throw new V3Error(
          'INVALID_REQUEST',
          `the guest cannot be configured with ${JSON.stringify(line.slice(0, 80))}`,
        );
      }
      return new Promise<void>((resolve, reject) =>
        this.expected.push({ verb: line.split(' ')[0]!, resolve, reject }),
      );
    });
    this.channel.write(lines.map(line => `${line}\n`).join(''));
    const late = () => silent('the guest did not take its configuration in time');
    await within(Promise.all(answers), timeoutMs, late).catch(error => {
      // answers that come now must not be taken for those of later requests
      this.expected.length = 0;
      throw error;
    });
  }

  private received(line: string): void {
    if (line === 'up') {
      this.isUp = true;
      const anew = silent('the guest has just come up, and does not know what it was asked before');
      for (const { reject } of this.expected.splice(0)) reject(anew);
      this.ups.emit();
      return;
    }
    const [outcome, verb, ...text] = line.split(' ');
    const at = this.expected.findIndex(expected => expected.verb === verb);
    if (at < 0 || (outcome !== 'ok' && outcome !== 'error')) return;
    const [expected] = this.expected.splice(at, 1);
    if (outcome === 'ok') expected!.resolve();
    else expected!.reject(new V3Error('GUEST_FAILED', `the guest refuses its ${verb}: ${text.join(' ')}`));
  }
}

function diskLine({ name, mount, readOnly, blank, root }: DiskIdentity): string {
  return `disk ${name} ${mount} ${readOnly ? 'ro' : 'rw'} ${blank ? 'blank' : 'image'} ${root ? 'root' : '-'}`;
}

function nicLine({ mac, cidr = '-', mtu, driver }: GuestIdentity['nics'][number], index: number): string {
  const line = `${index} ${mac} ${cidr} ${mtu}`;
  return driver ? `card ${line} ${driver}` : `nic ${line}`;
}

const derive = promisify(pbkdf2);

/** Names and secrets in hexadecimal: whatever is in them, they are no more than that to the guest. */
async function wifiLine({ mac, ssid, passphrase, cidr = '-' }: WifiIdentity, index: number): Promise<string> {
  const line = `wifi ${index} ${mac} ${cidr}`;
  if (ssid === undefined) return line;
  const name = Buffer.from(ssid);
  if (name.length === 0 || name.length > 32)
    throw new V3Error('INVALID_REQUEST', `an SSID has 1 to 32 bytes, not ${name.length}`);
  if (passphrase === undefined) return `${line} ${name.toString('hex')}`;
  if (!/^[\x20-\x7e]{8,63}$/.test(passphrase))
    throw new V3Error('INVALID_REQUEST', 'a passphrase has 8 to 63 printable ASCII characters');
  // IEEE 802.11-2020, J.4.1. Here, because it takes a guest a second.
  const psk = await derive(passphrase, name, 4096, 32, 'sha1');
  return `${line} ${name.toString('hex')} ${psk.toString('hex')}`;
}

/** The guest's `date` takes whole seconds. */
const clockLine = () => `clock ${(Date.now() / 1000).toFixed(3)}`;
const hostsLine = (hosts: { name: string; ip: string }[]) =>
  `hosts ${hosts.map(({ name, ip }) => `${name} ${ip}`).join(' ')}`;
const silent = (message: string) => new V3Error('VM_NO_AGENT', message);
