/**
 * What users control of the overlay: NIC settings, routes, links, and what they see of it. The words are
 * VNET/P's (palacios/src/vnet: vnet_core.c, palacios-vnet-ctrl.c).
 */
import { z } from 'zod';
import { ipAddress, macAddress, resourceName } from './quantities';

const instant = z.iso.datetime();
const percent = z.number().min(0, 'a share is from 0 to 100 %').max(100, 'a share is from 0 to 100 %');
const milliseconds = z
  .number()
  .min(0, 'a time is not negative')
  .max(60_000, 'at most 60000 ms can be waited for');
const mtu = z
  .int()
  .min(68, 'an MTU is at least 68 bytes (RFC 791)')
  .max(65_521, 'an MTU is at most 65521 bytes');
const port = z.int().min(1, 'ports are from 1 to 65535').max(65_535, 'ports are from 1 to 65535');

/** What a line does to frames, as netem(8) does; each direction by itself. Nothing by default. */
export const impairment = z.strictObject({
  delayMs: milliseconds.default(0),
  jitterMs: milliseconds.default(0).describe('the delay is spread evenly over ± this'),
  lossPercent: percent.default(0).describe('of wire frames: a super-frame counts as its segments'),
  duplicatePercent: percent.default(0),
  corruptPercent: percent.default(0).describe('one bit of the frame is inverted'),
  reorderPercent: percent.default(0).describe('overtakes what is delayed; needs a delay'),
  rateKbit: z.int().positive('a rate is at least 1 kbit/s').nullable().default(null),
  seed: z.int().min(0).max(0xffffffff).default(1).describe('the same seed, the same fate of the same frames'),
});
export type Impairment = z.infer<typeof impairment>;

/** VNET/P's dispatch modes (adaptive: VNET/P, IPDPS 2012). */
export const nicModes = ['guest-driven', 'vmm-driven', 'adaptive'] as const;
export const nicMode = z.enum(nicModes);
export type NicMode = z.infer<typeof nicMode>;

const direction = z.enum(['guest-driven', 'vmm-driven']);
/** How a NIC's frames are dispatched now, and what that cost so far. */
export const nicDispatch = z.object({
  mode: nicMode,
  transmit: direction.describe('in force for what the guest sends'),
  receive: direction.describe('in force for what the guest receives'),
  kicks: z.int().describe('exits by which the guest told of new buffers'),
  interrupts: z.int(),
  earlyInterrupts: z.int().describe('of these, injected when frames were known to be on their way'),
  spuriousInterrupts: z
    .int()
    .describe('of the early ones, those that the driver took before a frame was there'),
  polls: z.int().describe('turns of the dispatcher'),
  switches: z.int().describe('changes of direction between the two modes'),
});
export type NicDispatch = z.infer<typeof nicDispatch>;

/** What can be changed of a NIC while its VM runs. */
export const nicSettings = z.strictObject({
  mode: nicMode.default('guest-driven'),
  optimisticInterrupts: z.boolean().default(false).describe('VNET/P+ (SC 2012)'),
  spoofGuard: z
    .boolean()
    .default(false)
    .describe('drop what the guest sends from another address than its own'),
  linkUp: z.boolean().default(true).describe('whether the cable is plugged in'),
  impairment: impairment.nullable().default(null),
});
export type NicSettings = z.infer<typeof nicSettings>;
export const defaultNicSettings: NicSettings = nicSettings.parse({});

/** What is not named stays as it is. */
export const nicSettingsPatch = z.strictObject({
  mode: nicMode.optional(),
  optimisticInterrupts: z.boolean().optional(),
  spoofGuard: z.boolean().optional(),
  linkUp: z.boolean().optional(),
  impairment: impairment.nullable().optional(),
});
export type NicSettingsPatch = z.infer<typeof nicSettingsPatch>;

const octets = '[0-9a-f]{2}(:[0-9a-f]{2}){5}';
/** A qualified address: `any`, `none`, `not-02:…` or `02:…`. */
export const macMatch = z
  .string()
  .toLowerCase()
  .regex(
    new RegExp(`^(any|none|(not-)?${octets})$`),
    'write any, none, an address such as 02:00:0a:0a:00:0b, or not- and an address',
  );

/** A place where frames enter and leave the overlay: a guest's NIC, by its address, or a link, by its index. */
export const vnetPlace = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('interface'), mac: macAddress }),
  z.strictObject({ type: z.literal('edge'), link: z.int().positive() }),
]);
export type VnetPlace = z.infer<typeof vnetPlace>;

/** A route as the vnet service needs it; `index` is what DEL takes. All frames of it are of one network. */
export const vnetRule = z.object({
  index: z.int().positive(),
  vni: z.int().min(1).max(0xffffff),
  source: macMatch,
  destination: macMatch,
  to: vnetPlace,
  from: vnetPlace.nullable().describe('null: any'),
});
export type VnetRule = z.infer<typeof vnetRule>;

/** A route that a user adds. `to` and `from` are written as in the language: `interface <MAC>`, `edge <IP or link>`. */
const placeText = z
  .string()
  .trim()
  .regex(
    new RegExp(`^(interface ${octets}|edge [0-9a-z.:\\[\\]-]+)$`, 'i'),
    'write "interface" and an address, or "edge" and the IP address, name or index of a link',
  )
  .superRefine((text, ctx) => {
    // As the language's parser looks at them.
    const [type, name] = text.toLowerCase().split(' ');
    const schemas = type === 'interface' ? [macAddress] : [ipAddress, resourceName];
    if (schemas.some(schema => schema.safeParse(name).success)) return;
    const expected =
      type === 'interface' ? 'the unicast MAC address of a NIC' : 'the IP address, name or index of a link';
    ctx.addIssue({ code: 'custom', message: `"${name}" is not ${expected}` });
  });
export const vnetRouteSpec = z.strictObject({
  network: resourceName.optional().describe('needed only where neither end tells it'),
  source: macMatch.default('any'),
  destination: macMatch.default('any'),
  to: placeText,
  from: z.literal('any').or(placeText).default('any'),
});
export type VnetRouteSpec = z.infer<typeof vnetRouteSpec>;

export const vnetRoute = z.object({
  index: z.int().nullable().describe('null: automatic, made from an attached NIC'),
  network: resourceName,
  source: z.string(),
  destination: z.string(),
  to: z.string(),
  from: z.string(),
  text: z.string().describe('the route in the original language'),
  automatic: z.boolean(),
  createdAt: instant.nullable(),
});
export type VnetRoute = z.infer<typeof vnetRoute>;

export const linkTypes = ['udp', 'tcp', 'vxlan'] as const;
export const linkType = z.enum(linkTypes);
export type LinkType = z.infer<typeof linkType>;

/** VNET/P's bridge listens on UDP port 9000; VXLAN's port is IANA's. */
export const defaultLinkPort: Record<LinkType, number> = { udp: 9000, tcp: 9000, vxlan: 4789 };
/** Of an Ethernet between the ends; VXLAN's own headers take 50 bytes of it, as Linux reckons too. */
export const defaultLinkMtu: Record<LinkType, number> = { udp: 1500, tcp: 1500, vxlan: 1450 };

/** A number would be taken for an index. */
export const linkName = resourceName.regex(/[^0-9]/, 'a link’s name is not a number, which is its index');

const linkFields = {
  name: linkName.optional(),
  type: linkType.default('udp'),
  remote: ipAddress.describe('the peer: frames from anybody else are dropped'),
  remotePort: port.optional().describe('9000, for vxlan 4789, when absent'),
  local: ipAddress.optional().describe('where we listen; the loopback address when absent'),
  localPort: port.optional().describe('9000, for vxlan 4789, when absent'),
  network: resourceName.optional().describe('the network it joins; the only one when absent'),
  vni: z
    .int()
    .min(0)
    .max(0xffffff)
    .optional()
    .describe('vxlan: the number on the wire; the network’s own when absent'),
  mtu: mtu.optional().describe('largest IP packet, bytes: 1500, for vxlan 1450, when absent'),
  up: z.boolean().default(true),
  impairment: impairment.nullable().default(null),
};
export const vnetLinkSpec = z.strictObject(linkFields);
export type VnetLinkSpec = z.infer<typeof vnetLinkSpec>;

/** What can be changed of a link. */
export const vnetLinkPatch = z.strictObject({
  mtu: mtu.optional(),
  up: z.boolean().optional(),
  impairment: impairment.nullable().optional(),
});
export type VnetLinkPatch = z.infer<typeof vnetLinkPatch>;

/** Frames and bytes of Ethernet, without virtio headers. */
export const trafficCounters = z.object({
  receivePackets: z.int(),
  receiveBytes: z.int(),
  transmitPackets: z.int(),
  transmitBytes: z.int(),
  dropped: z.record(z.string(), z.int()).describe('by reason'),
});
export type TrafficCounters = z.infer<typeof trafficCounters>;

/** A link as the vnet service runs it. */
export const linkConfig = z.object({
  index: z.int().positive(),
  name: resourceName,
  type: linkType,
  remote: z.object({ address: z.string(), port: z.int() }),
  local: z.object({ address: z.string(), port: z.int() }),
  vni: z.int().describe('the network’s number'),
  wireVni: z.int().describe('vxlan: the number on the wire'),
  mtu: z.int(),
  up: z.boolean(),
  impairment: impairment.nullable(),
});
export type LinkConfig = z.infer<typeof linkConfig>;

export const linkStates = ['UP', 'DOWN', 'CONNECTING', 'ERROR'] as const;
export const linkStatus = z.object({
  index: z.int(),
  state: z.enum(linkStates),
  reason: z.string(),
  learned: z.array(z.string()).describe('addresses seen behind it'),
  counters: trafficCounters,
});
export type LinkStatus = z.infer<typeof linkStatus>;

export const vnetLink = z.object({
  index: z.int().positive(),
  name: resourceName,
  type: linkType,
  remote: z.string(),
  remotePort: z.int(),
  local: z.string(),
  localPort: z.int(),
  network: resourceName,
  vni: z.int(),
  mtu: z.int(),
  up: z.boolean().describe('whether it is wanted up'),
  impairment: impairment.nullable(),
  state: z.enum([...linkStates, 'UNKNOWN']),
  reason: z.string(),
  learned: z.array(z.string()),
  counters: trafficCounters.nullable().describe('null while the vnet service does not answer'),
  text: z.string().describe('the link in the original language'),
  createdAt: instant,
});
export type VnetLink = z.infer<typeof vnetLink>;

/** A NIC seen from the overlay. */
export const vnetInterface = z.object({
  vm: resourceName,
  name: z.string().describe('net0 …, by its number in the VM'),
  mac: z.string(),
  network: resourceName,
  host: resourceName,
  attached: z.boolean().nullable().describe('null while the vnet service does not answer'),
  settings: nicSettings,
});
export type VnetInterface = z.infer<typeof vnetInterface>;

/** Counters of one forwarding core: a host's, or (host `_links`) that of the links. */
export const coreStats = z.object({
  host: z.string(),
  cached: z.int().describe('flows in the route cache'),
  counters: z.record(z.string(), z.int()),
});
export type CoreStats = z.infer<typeof coreStats>;

export const vnetStats = z.object({
  cores: z.array(coreStats),
  router: z.record(z.string(), z.int()).nullable(),
  links: z.array(linkStatus.omit({ learned: true }).extend({ name: z.string() })),
  unreachable: z.array(z.string()).describe('hosts and services that did not answer'),
});
export type VnetStats = z.infer<typeof vnetStats>;

/** The vnet service's own end of the overlay, where links are attached. No host can have this name. */
export const LINKS_HOST = '_links';
/** The wifi service's end of the overlay, where access points are attached. */
export const AIR_HOST = '_air';

/**
 * Where frames are captured: a NIC (`a1/net0`), a link (`link/wan` or `link/3`), or all that passes a host's core
 * (`host/alpha`); on the air, the radios of a host (`wlan:alpha`), one of them (`wlan:alpha/radio0`), an access point
 * (`wlan:ap/home`) or a Wi-Fi NIC (`wlan:a1/wlan0`).
 */
export const capturePoint = z
  .string()
  .regex(
    /^([a-z0-9-]+\/(net|eth)[0-3]|link\/[a-z0-9-]+|host\/[a-z0-9-]+|wlan:[a-z0-9-]+(\/[a-z0-9-]+)?)$/,
    'write VM/net0 for a NIC, link/NAME for a link, or host/NAME for all frames of a host; for 802.11 wlan:HOST, ' +
      'wlan:HOST/RADIO, wlan:ap/NAME, or wlan:VM/wlan0',
  );
const AIR_POINT = 'wlan:';
/** What a capture point on the air names there (`alpha/radio0`); undefined: it is none on the air. */
export const airPoint = (point: string): string | undefined =>
  point.startsWith(AIR_POINT) ? point.slice(AIR_POINT.length) : undefined;
export const captureQuery = z.strictObject({
  point: capturePoint,
  filter: z
    .string()
    .max(1_000, 'a filter has at most 1000 characters')
    .default('')
    .describe('as in tcpdump, pcap-filter(7); on the air its words for 802.11'),
  snapLength: z.coerce
    .number()
    .int()
    .min(14)
    .max(66_000)
    .default(66_000)
    .describe('bytes kept of each frame'),
});
export type CaptureQuery = z.infer<typeof captureQuery>;
