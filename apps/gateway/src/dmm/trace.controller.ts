import { BeforeApplicationShutdown, Controller, Get, Req, Res } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { TRACE_PATH, traceQuery, V3Error, validate } from '@v3vee/contracts';
import { VmRepository } from '@v3vee/store';
import type { Request, Response } from 'express';
import { HostDirectory } from '../hosts/host-directory';
import { DeviceDirectory } from './device-directory';
import { TraceStream } from './trace-stream';

/** How many traces may be under way at a time. */
const MAX_TRACES = 64;

/** `GET /v1/dmm/trace?device=alpha/eth0`: JSON lines until the client leaves. */
@Controller()
export class TraceController implements BeforeApplicationShutdown {
  private readonly open = new Set<TraceStream>();

  constructor(
    private readonly bus: Bus,
    private readonly devices: DeviceDirectory,
    private readonly vms: VmRepository,
    private readonly directory: HostDirectory,
  ) {}

  beforeApplicationShutdown(): void {
    for (const stream of this.open) stream.end('the gateway stops');
  }

  @Get(TRACE_PATH.slice(1))
  async trace(@Req() request: Request, @Res() response: Response): Promise<void> {
    const { device } = validate(traceQuery, request.query);
    if (this.open.size >= MAX_TRACES) {
      throw new V3Error('SERVICE_UNAVAILABLE', `${MAX_TRACES} traces are under way; end one first`);
    }
    const { host, nic } = await this.devices.find(device);
    const silence = this.directory.palaciosSilence(host);
    if (silence) throw new V3Error('HOST_NOT_READY', `host ${host} is not ready: ${silence}`);
    response.setHeader('Content-Type', 'application/x-ndjson');
    response.setHeader('Cache-Control', 'no-store');
    if (request.method === 'HEAD') return void response.end();
    const stream = new TraceStream({
      bus: this.bus,
      host,
      nic: nic.name,
      out: response,
      locate: () => this.devices.find(device),
      names: async () => new Map((await this.vms.all()).map(({ id, name }) => [id, name])),
    });
    this.open.add(stream);
    void stream.ended.then(() => this.open.delete(stream));
    await stream.open();
    // A device that nobody touches has no first event: its reader learns now that the trace is under way.
    response.flushHeaders();
  }
}
