/** The device modeling monitor's part of the REST table. `{device}` is `HOST/NIC`, percent-encoded. */
import { z } from 'zod';
import * as r from './resources';
import { endpoint, page, repeatable } from './rest-endpoint';
import * as v from './vpio';

export const dmmEndpoints = {
  listDevices: endpoint({
    method: 'GET',
    path: '/dmm/devices',
    summary: 'List physical devices, with who has them',
    tag: 'dmm',
    access: ['viewer', 'cluster'],
    query: page,
    response: r.list(v.dmmDevice),
    status: 200,
    errors: ['PAGE_TOKEN_INVALID'],
  }),
  getDevice: endpoint({
    method: 'GET',
    path: '/dmm/devices/{device}',
    summary: 'Show a physical device: holder, hooked I/O list, accesses by register',
    tag: 'dmm',
    access: ['viewer', 'cluster'],
    response: v.dmmDevice,
    status: 200,
    errors: ['DEVICE_NOT_FOUND'],
  }),
  updateDevicePolicy: endpoint({
    method: 'PATCH',
    path: '/dmm/devices/{device}/policy',
    summary: 'Change how a device is shared',
    tag: 'dmm',
    access: ['operator', 'cluster'],
    query: repeatable,
    body: v.dmmPolicyPatch,
    response: v.dmmDevice,
    status: 200,
    errors: ['DEVICE_NOT_FOUND'],
  }),
  listContexts: endpoint({
    method: 'GET',
    path: '/dmm/contexts',
    summary: 'List saved device contexts',
    tag: 'dmm',
    access: ['viewer', 'cluster'],
    query: page.extend({ device: z.string().optional() }),
    response: r.list(v.dmmContext),
    status: 200,
    errors: ['PAGE_TOKEN_INVALID'],
  }),
  listViolations: endpoint({
    method: 'GET',
    path: '/dmm/violations',
    summary: 'List denied DMA, newest first',
    tag: 'dmm',
    access: ['viewer', 'cluster'],
    query: page.extend({ device: z.string().optional() }),
    response: r.list(v.dmmViolation),
    status: 200,
    errors: ['PAGE_TOKEN_INVALID'],
  }),
} as const;
