import type { z } from 'zod';
import { V3Error } from '../errors';
import type { vmSpec } from '../resources';
import { deviceClasses, type DeviceRole } from './devices';
import { parseTree, type Element } from './tree';

type VmSpecInput = z.input<typeof vmSpec>;
type DiskInput = NonNullable<VmSpecInput['disks']>[number];
type NicInput = NonNullable<VmSpecInput['nics']>[number];

export interface ReadOptions {
  /** What the original's format does not say, or says otherwise. */
  name?: string;
  host?: string;
  /** Of NICs that say none. */
  network?: string;
  /** What is not understood is told and left out, instead of refused. */
  ignoreUnknown?: boolean;
}

export interface PalaciosVm {
  /** To be checked as any other. */
  spec: VmSpecInput;
  /** What has no effect here, or was left out. */
  notes: string[];
}

/**
 * A VM as the original's configuration file describes it (`<vm class="PC">`).
 * @throws V3Error INVALID_REQUEST that names the element and its line
 */
export function readPalaciosXml(text: string, options: ReadOptions = {}): PalaciosVm {
  return new Reader(options).read(parseTree(text));
}

interface Device {
  element: Element;
  id: string;
  name: string;
  role: DeviceRole;
}

class Reader {
  private readonly notes: string[] = [];
  private readonly files = new Map<string, string>();
  private spec: Partial<VmSpecInput> = {};

  constructor(private readonly options: ReadOptions) {}

  read(root: Element): PalaciosVm {
    if (root.name !== 'vm') this.fail(root, `the file describes a <${root.name}>, not a <vm>`);
    const kind = root.attributes.class;
    if (kind !== 'PC')
      this.fail(root, `a VM is of class "PC", not ${kind === undefined ? 'none' : `"${kind}"`}`);
    this.onlyAttributes(root, ['class']);
    const devices: Device[] = [];
    for (const child of root.children) this.element(child, devices);
    this.spec.disks = this.disks(devices);
    this.spec.nics = this.nics(devices);
    const { name = this.spec.name, host = this.spec.host } = this.options;
    if (!name || !host) {
      const missing = [name ? '' : '--name', host ? '' : '--host'].filter(Boolean).join(' and ');
      throw new V3Error('USAGE', `the file does not say all that is needed: give ${missing}`);
    }
    return { spec: { ...this.spec, name, host }, notes: this.notes };
  }

  private element(element: Element, devices: Device[]): void {
    const { name, text, children } = element;
    switch (name) {
      case 'memory':
        this.spec.memoryMiB = this.number(element, text);
        return;
      case 'telemetry':
        if (text !== 'enable') this.note(element, 'exits are always counted');
        return;
      case 'paging':
        return this.note(element, 'the engine translates addresses in its own way');
      case 'schedule_hz':
        return this.note(element, 'each guest has a core to itself');
      case 'cores':
        return this.cores(element);
      case 'memmap':
        for (const region of children)
          this.unknown(region, 'there is no host-physical memory that a guest could be given');
        return;
      case 'files':
        for (const file of children) this.file(file);
        return;
      case 'devices':
        for (const device of children) this.device(device, devices);
        return;
      case 'v3vee':
        return this.own(element);
      default:
        return this.unknown(element);
    }
  }

  private cores(element: Element): void {
    const { count = '1' } = element.attributes;
    if (this.number(element, count) !== 1)
      this.fail(element, `a guest has one core, not ${count}: the engine emulates one`);
    for (const child of element.children) if (child.name !== 'core') this.unknown(child);
  }

  /** What is ours alone. */
  private own(element: Element): void {
    const { name, host, image, boot, autostart, failover, 'checkpoint-every': every } = element.attributes;
    this.onlyAttributes(element, [
      'name',
      'host',
      'image',
      'boot',
      'autostart',
      'failover',
      'checkpoint-every',
    ]);
    Object.assign(this.spec, { name, host, image, boot, failover });
    if (autostart !== undefined) this.spec.autostart = this.flag(element, autostart);
    if (every !== undefined) this.spec.checkpointEvery = this.number(element, every);
  }

  private file(element: Element): void {
    if (element.name !== 'file') return this.unknown(element);
    const { id, filename } = element.attributes;
    if (!id || !filename) this.fail(element, 'a <file> has an id and a filename');
    if (this.files.has(id!)) this.fail(element, `two files have the id "${id}"`);
    this.files.set(id!, filename!);
  }

  private device(element: Element, devices: Device[]): void {
    if (element.name !== 'device') return this.unknown(element);
    // Older files have the class as "id" and the id as "name".
    const { class: kind = element.attributes.id, id } = element.attributes;
    const own = element.attributes.class === undefined ? element.attributes.name : id;
    if (!kind) this.fail(element, 'a <device> has a class and an id');
    const role = deviceClasses[kind!] ?? deviceClasses[kind!.toUpperCase()];
    if (!role) return this.unknown(element, `there is no device of class "${kind}"`);
    if (role.role === 'absent') this.note(element, `${kind}: ${role.why}`);
    devices.push({ element, name: kind!, id: own ?? kind!, role });
  }

  private disks(devices: Device[]): DiskInput[] {
    return devices.flatMap(({ element, id, role }): DiskInput[] => {
      if (role.role !== 'blockBackend') return [];
      const frontend = this.frontend(element, devices, 'blockFrontend');
      if (frontend?.name === 'IDE') {
        const type = this.childText(child(element, 'frontend'), 'type') ?? 'HD';
        if (type.toUpperCase() === 'CDROM')
          return [{ name: nameOf(id), image: this.image(element, id), cdrom: true }];
        this.note(element, `disk "${id}" is a virtio disk, not one of an IDE controller`);
      }
      const name = nameOf(id);
      const mount = this.childText(element, 'mount');
      const root = this.childText(element, 'root');
      const common = { name, ...(mount && { mount }), ...(root && { root: this.flag(element, root) }) };
      const size = this.childText(element, 'size');
      if (size !== undefined) return [{ ...common, size: this.number(element, size) }];
      const writable = this.childText(element, 'writable') ?? element.attributes.writable ?? '1';
      return [{ ...common, image: this.image(element, id), readOnly: !this.flag(element, writable) }];
    });
  }

  /** A disk image goes by its file's name, without folder and ending. */
  private image(element: Element, id: string): string {
    const file = this.childText(element, 'file') ?? this.childText(element, 'path');
    if (file === undefined) return this.fail(element, `disk "${id}" needs a <file>, a <path> or a <size>`);
    const filename = this.files.get(file) ?? file;
    return filename
      .split('/')
      .at(-1)!
      .replace(/\.[^.]*$/, '');
  }

  private nics(devices: Device[]): NicInput[] {
    const behind = new Map<Device, Element>();
    for (const { element, role } of devices) {
      if (role.role !== 'nicBackend') continue;
      const frontend = this.frontend(element, devices, 'nicFrontend');
      if (frontend) behind.set(frontend, element);
    }
    return devices.flatMap(device => {
      const { element, id, role } = device;
      if (role.role !== 'nicFrontend' && role.role !== 'card') return [];
      const backend = behind.get(device);
      const network =
        (backend && this.childText(backend, 'network')) ??
        this.childText(element, 'network') ??
        this.options.network;
      if (!network) this.fail(element, `NIC "${id}" is on no network: name one in it, or give --network`);
      const [mac, ip] = [this.childText(element, 'mac'), this.childText(element, 'ip')];
      const card = role.role === 'card' && {
        device: this.childText(element, 'physical') ?? id,
        access: (this.childText(element, 'access') ?? 'vpio') as NonNullable<NicInput['access']>,
      };
      return [{ network: network!, ...(mac && { mac }), ...(ip && { ip }), ...card }];
    });
  }

  /** The device that a backend is connected to. */
  private frontend(element: Element, devices: Device[], role: DeviceRole['role']): Device | undefined {
    const tag = child(element, 'frontend')?.attributes.tag;
    if (tag === undefined) return this.fail(element, 'it needs a <frontend tag="…">');
    const found = devices.find(({ id, name }) => id === tag || name === tag);
    if (found?.role.role === role) return found;
    const is = found ? `is a ${found.name}` : 'is not there';
    return this.fail(element, `its frontend "${tag}" ${is}`);
  }

  private childText(element: Element | undefined, name: string): string | undefined {
    return element && child(element, name)?.text;
  }

  private number(element: Element, text: string): number {
    if (/^\d{1,9}$/.test(text)) return Number(text);
    return this.fail(element, `"${text}" is not a whole number`);
  }

  private flag(element: Element, text: string): boolean {
    if (['1', 'true', 'enable', 'yes'].includes(text)) return true;
    if (['0', 'false', 'disable', 'no'].includes(text)) return false;
    return this.fail(element, `"${text}" is neither true nor false`);
  }

  private onlyAttributes(element: Element, known: string[]): void {
    for (const name of Object.keys(element.attributes))
      if (!known.includes(name)) this.unknown(element, `it has an attribute "${name}"`);
  }

  private note({ line, name }: Element, why: string): void {
    this.notes.push(`line ${line}: <${name}> has no effect: ${why}`);
  }

  private unknown(element: Element, why = 'it is not understood'): void {
    if (!this.options.ignoreUnknown) this.fail(element, `${why}; --ignore-unknown leaves it out`);
    this.notes.push(`line ${element.line}: <${element.name}> is left out: ${why}`);
  }

  private fail({ line, name }: Element, why: string): never {
    throw new V3Error('INVALID_REQUEST', `line ${line}: <${name}>: ${why}`, {
      fields: [{ path: name, message: why, line }],
    });
  }
}

const child = (element: Element, name: string): Element | undefined =>
  element.children.find(each => each.name === name);

const nameOf = (id: string): string =>
  id
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 20);
