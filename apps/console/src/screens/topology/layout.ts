import type {
  AccessPoint,
  DmmDevice,
  Host,
  Network,
  RadioView,
  Station,
  Vm,
  VnetLink,
} from '@v3vee/contracts';

/** What is drawn; missing lists count as empty. */
export interface Drawn {
  hosts: readonly Host[];
  vms: readonly Vm[];
  networks: readonly Network[];
  links: readonly VnetLink[];
  devices: readonly DmmDevice[];
  radios: readonly RadioView[];
  accessPoints: readonly AccessPoint[];
  stations: readonly Station[];
}

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}
export interface VmRow extends Box {
  vm: Vm;
}
export interface Chip extends Box {
  kind: 'device' | 'radio';
  /** `alpha/eth0` */
  id: string;
}
export interface HostBox extends Box {
  host: Host;
  rows: VmRow[];
  chips: Chip[];
}
/** A network: a line that all of it hangs on. */
export interface Bus {
  network: Network;
  /** Number of its colour. */
  colour: number;
  y: number;
}
/** From a host down to a network, and from its lane to each NIC and cable. */
export interface Trunk {
  host: string;
  network: string;
  colour: number;
  x: number;
  top: number;
  bottom: number;
  taps: { key: string; x: number; y: number; isUp: boolean }[];
}
/** What hangs below a network: a link to elsewhere, or an access point. */
export interface Hanging extends Box {
  kind: 'link' | 'access-point';
  name: string;
  network: string;
  colour: number;
  busY: number;
}
/** A radio that is connected to an access point. */
export interface Air {
  key: string;
  path: string;
}
export interface Layout {
  width: number;
  height: number;
  hosts: HostBox[];
  buses: Bus[];
  trunks: Trunk[];
  hanging: Hanging[];
  air: Air[];
}

const COLOURS = 6;
const HOST_MIN = 264;
const HOST_MAX = 520;
const GAP = 32;
const HEAD = 62;
const ROW = 46;
const ROW_GAP = 5;
const CHIP = 28;
const LANE = 9;
const EDGE = 12;
const BUS_FIRST = 54;
const BUS_STEP = 44;
const NODE_W = 176;
const NODE_H = 48;

/** Places everything for a drawing that is `available` pixels wide, or wider where the hosts need that. */
export function layoutOf(drawn: Drawn, available: number): Layout {
  const colours = new Map(drawn.networks.map(({ name }, index) => [name, index % COLOURS]));
  const count = Math.max(1, drawn.hosts.length);
  const hostWidth = Math.floor(
    Math.min(HOST_MAX, Math.max(HOST_MIN, (available - (count - 1) * GAP) / count)),
  );
  const trunks: Trunk[] = [];
  const hosts = drawn.hosts.map((host, index) => {
    const x = index * (hostWidth + GAP);
    const vms = drawn.vms.filter(vm => vm.host === host.name);
    const cables = drawn.devices.filter(device => device.host === host.name);
    // Who has a card of the host is on the network through that.
    const used = new Set([
      ...vms.flatMap(vm => vm.nics.filter(nic => nic.device === null).map(nic => nic.network)),
      ...cables.flatMap(({ network }) => network ?? []),
    ]);
    const lanes = drawn.networks.filter(({ name }) => used.has(name));
    const left = x + EDGE + lanes.length * LANE;
    let y = HEAD;
    const place = <T>(h: number, more: T) => {
      const box = { x: left, y, w: x + hostWidth - EDGE - left, h, ...more };
      y += h + ROW_GAP;
      return box;
    };
    const rows = vms.map(vm => place(ROW, { vm }));
    const chips = [
      ...cables.map(({ name }) => place(CHIP, { kind: 'device' as const, id: name })),
      ...drawn.radios
        .filter(radio => radio.host === host.name)
        .map(({ id }) => place(CHIP, { kind: 'radio' as const, id })),
    ];
    lanes.forEach(({ name }, lane) => {
      const taps = [
        ...rows.flatMap(row =>
          row.vm.nics.flatMap((nic, n) =>
            nic.network === name && nic.device === null
              ? [
                  {
                    key: `${row.vm.name}/${nic.name}`,
                    x: left,
                    y: row.y + ((n + 1) * row.h) / (row.vm.nics.length + 1),
                    isUp: nic.settings.linkUp,
                  },
                ]
              : [],
          ),
        ),
        ...chips.flatMap(chip =>
          cables.some(cable => cable.name === chip.id && cable.network === name)
            ? [{ key: chip.id, x: left, y: chip.y + chip.h / 2, isUp: true }]
            : [],
        ),
      ];
      const top = Math.min(...taps.map(tap => tap.y));
      const laneX = x + EDGE - 3 + lane * LANE;
      trunks.push({
        host: host.name,
        network: name,
        colour: colours.get(name) ?? 0,
        x: laneX,
        top,
        bottom: 0,
        taps,
      });
    });
    return { host, x, y: 0, w: hostWidth, h: Math.max(y + 7, HEAD + ROW), rows, chips };
  });

  const floor = Math.max(HEAD, ...hosts.map(({ h }) => h));
  for (const box of hosts) box.h = floor;
  const buses = drawn.networks.map((network, index) => ({
    network,
    colour: colours.get(network.name) ?? 0,
    y: floor + BUS_FIRST + index * BUS_STEP,
  }));
  const busOf = new Map(buses.map(bus => [bus.network.name, bus]));
  for (const trunk of trunks) trunk.bottom = busOf.get(trunk.network)?.y ?? floor;

  const below = floor + (buses.length > 0 ? BUS_FIRST + (buses.length - 1) * BUS_STEP + 34 : 0);
  const hanging = [
    ...drawn.links.map(({ name, network }) => ({ kind: 'link' as const, name, network })),
    ...drawn.accessPoints.map(({ name, network }) => ({ kind: 'access-point' as const, name, network })),
  ].map((node, index) => ({
    ...node,
    colour: colours.get(node.network) ?? 0,
    busY: busOf.get(node.network)?.y ?? below,
    x: 40 + index * (NODE_W + 20),
    y: below,
    w: NODE_W,
    h: NODE_H,
  }));
  const hostsWidth = count * (hostWidth + GAP) - GAP;
  const width = Math.max(
    hostsWidth,
    hanging.length * (NODE_W + 20) + 40,
    Math.min(available, hostsWidth + 80),
  );
  return {
    width,
    height: (hanging.length > 0 ? below + NODE_H : below) + 10,
    hosts,
    buses,
    trunks,
    hanging,
    air: airOf(drawn.stations, hosts, hanging, floor),
  };
}

/** Down from the radio along the right of its host, and to the access point from above. */
function airOf(
  stations: readonly Station[],
  hosts: readonly HostBox[],
  hanging: readonly Hanging[],
  floor: number,
): Air[] {
  const pairs = new Map<string, Air>();
  for (const { radio, status } of stations) {
    const point = hanging.find(
      ({ kind, name }) => kind === 'access-point' && status?.accessPoint === `ap/${name}`,
    );
    const host = hosts.find(({ chips }) => chips.some(({ id }) => id === radio));
    const chip = host?.chips.find(({ id }) => id === radio);
    if (!point || !host || !chip) continue;
    const key = `${radio} ${point.name}`;
    const side = host.x + host.w + 10 + (pairs.size % 3) * 5;
    const turn = floor + 14 + (pairs.size % 4) * 5;
    const end = point.x + point.w - 28 - (pairs.size % 4) * 8;
    pairs.set(key, {
      key,
      path: `M${chip.x + chip.w} ${chip.y + chip.h / 2}H${side}V${turn}H${end}V${point.y}`,
    });
  }
  return [...pairs.values()];
}

export const hostAt = (layout: Layout, x: number, y: number): HostBox | undefined =>
  layout.hosts.find(box => x >= box.x && x < box.x + box.w && y >= box.y && y < box.y + box.h);
