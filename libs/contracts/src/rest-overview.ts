/** Many lists in one answer, for whoever looks at the cluster again and again. */
import { z } from 'zod';
import { labRun } from './labs';
import { migration } from './migration';
import { resourceName } from './quantities';
import { host, network, operation, snapshot, telemetry, vm } from './resources';
import { endpoint } from './rest-endpoint';
import { vnetInterface, vnetLink, vnetRoute, vnetStats } from './vnet';
import { dmmContext, dmmDevice, dmmViolation } from './vpio';
import { accessPoint, airtimeEntry, radioView, station, wifiEvent, wifiLink } from './wifi-status';

/** The parts of an overview; each is the beginning of the list of that name. */
const parts = {
  hosts: z.array(host),
  vms: z.array(vm),
  telemetry: z.array(telemetry).describe('of live VMs; `ports` only where one VM is asked for'),
  networks: z.array(network),
  interfaces: z.array(vnetInterface),
  routes: z.array(vnetRoute),
  links: z.array(vnetLink),
  overlay: vnetStats,
  devices: z.array(dmmDevice),
  contexts: z.array(dmmContext),
  violations: z.array(dmmViolation),
  radios: z.array(radioView),
  accessPoints: z.array(accessPoint),
  stations: z.array(station),
  airtime: z.array(airtimeEntry),
  wifiLinks: z.array(wifiLink),
  wifiEvents: z.array(wifiEvent),
  snapshots: z.array(snapshot),
  operations: z.array(operation),
  migrations: z.array(migration),
  labRuns: z.array(labRun),
};
export type OverviewPart = keyof typeof parts;
export const overviewParts = Object.keys(parts) as OverviewPart[];

export const overview = z
  .object(parts)
  .partial()
  .extend({
    at: z.iso.datetime({ precision: 3 }).describe('when it was put together'),
    missing: z
      .array(z.object({ part: z.string(), code: z.string(), detail: z.string() }))
      .describe('parts that were asked for and could not be told, and why'),
  });
export type Overview = z.infer<typeof overview>;

export const overviewEndpoints = {
  getOverview: endpoint({
    method: 'GET',
    path: '/overview',
    summary: 'Show many lists at once, long ones cut off',
    tag: 'cluster',
    access: ['viewer', 'shared'],
    query: z.strictObject({
      parts: z
        .string()
        .transform(text => text.split(','))
        .pipe(
          z
            .array(z.enum(overviewParts as [OverviewPart, ...OverviewPart[]]))
            .min(1)
            .max(overviewParts.length),
        )
        .describe(`one or more of ${overviewParts.join(', ')}; separated by commas`),
      vm: resourceName.optional().describe('telemetry and snapshots of this VM only'),
    }),
    response: overview,
    status: 200,
    errors: [],
  }),
} as const;
