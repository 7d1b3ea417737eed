import type { Layout, Trunk } from './layout';

/** Bits per second through each tap (`a1/eth0`), both ways together. */
export type Traffic = ReadonlyMap<string, { receiveBits: number; transmitBits: number }>;

const colour = (number: number): string => `var(--net-${number})`;
const bitsOf = (traffic: Traffic, key: string): number => {
  const rate = traffic.get(key);
  return rate ? rate.receiveBits + rate.transmitBits : 0;
};
/** Thicker by a step for each power of ten above 1 kb/s, as traffic goes from ARP to gigabits. */
export const strokeOf = (bits: number): number =>
  1.5 + Math.max(0, Math.min(3.5, (Math.log10(bits + 1) - 3) * 0.8));

export function trunkTraffic({ taps }: Trunk, traffic: Traffic): { up: number; down: number } {
  let [up, down] = [0, 0];
  for (const { key } of taps) {
    up += traffic.get(key)?.transmitBits ?? 0;
    down += traffic.get(key)?.receiveBits ?? 0;
  }
  return { up, down };
}

function Flow({ path, bits }: { path: string; bits: number }) {
  if (bits < 1_000) return null;
  return <path className={bits > 1e6 ? 'wire flow fast' : 'wire flow'} d={path} strokeWidth={1.4} />;
}

/** The lines of the drawing; the boxes over them are HTML. */
export function Wires({ layout }: { layout: Layout }) {
  return (
    <svg width={layout.width} height={layout.height} aria-hidden="true">
      {layout.buses.map(({ network, y, colour: number }) => (
        <path
          key={network.name}
          className="wire"
          d={`M0 ${y}H${layout.width}`}
          stroke={colour(number)}
          strokeWidth={3}
        />
      ))}
      {layout.hanging.map(({ name, kind, x, y, w, busY, colour: number }) => (
        <g key={`${kind} ${name}`} stroke={colour(number)} fill={colour(number)}>
          <path className="wire" d={`M${x + w / 2} ${busY}V${y}`} strokeWidth={1.5} />
          <circle cx={x + w / 2} cy={busY} r={3.5} stroke="none" />
        </g>
      ))}
      {layout.air.map(({ key, path }) => (
        <path key={key} className="wire air" d={path} />
      ))}
    </svg>
  );
}

/** In front of the host boxes: lanes within them, and down to the networks. */
export function Trunks({ layout, traffic }: { layout: Layout; traffic: Traffic }) {
  return (
    <svg width={layout.width} height={layout.height} aria-hidden="true">
      {layout.trunks.map(trunk => {
        const { host, network, x, top, bottom, taps, colour: number } = trunk;
        const { up, down } = trunkTraffic(trunk, traffic);
        const path = `M${x} ${top}V${bottom}`;
        return (
          <g key={`${host} ${network}`} stroke={colour(number)} fill={colour(number)}>
            <path className="wire" d={path} strokeWidth={strokeOf(up + down)} />
            {taps.map(tap => {
              const branch = `M${x} ${tap.y}H${tap.x}`;
              const bits = bitsOf(traffic, tap.key);
              return (
                <g key={tap.key}>
                  <path className={tap.isUp ? 'wire' : 'wire down'} d={branch} strokeWidth={strokeOf(bits)} />
                  <rect x={tap.x - 2} y={tap.y - 3} width={5} height={6} rx={1} stroke="none" />
                </g>
              );
            })}
            <Flow path={path} bits={up + down} />
            <circle cx={x} cy={bottom} r={3.5} stroke="none" />
          </g>
        );
      })}
    </svg>
  );
}
