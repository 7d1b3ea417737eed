import { BeforeApplicationShutdown, Controller, Req, Res } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { traceQuery, V3Error, validate } from '@v3vee/contracts';
import { VmRepository } from '@v3vee/store';
import type { Request, Response } from 'express';
import { HostDirectory } from '../hosts/host-directory';
import { Stream } from '../http/endpoint';
import { OpenStreams } from '../streams/open-streams';
import { DeviceDirectory } from './device-directory';
import { TraceStream } from './trace-stream';

/** `GET /v1/dmm/trace?device=alpha/eth0`: JSON lines until the client leaves. */
@Controller()
export class TraceController implements BeforeApplicationShutdown {
  private readonly streams = new OpenStreams('traces');

  constructor(
    private readonly bus: Bus,
    private readonly devices: DeviceDirectory,
    private readonly vms: VmRepository,
    private readonly directory: HostDirectory,
  ) {}

  beforeApplicationShutdown(): void {
    this.streams.endAll('the gateway stops');
  }

  @Stream('traceDevice')
  async trace(@Req() request: Request, @Res() response: Response): Promise<void> {
    const { device } = validate(traceQuery, request.query);
    this.streams.assertRoom();
    const { host, nic } = await this.devices.find(device);
    const silence = this.directory.palaciosSilence(host);
    if (silence) throw new V3Error('HOST_NOT_READY', `host ${host} is not ready: ${silence}`);
    const { bus } = this;
    const locate = () => this.devices.find(device);
    const names = async () => new Map((await this.vms.all()).map(({ id, name }) => [id, name]));
    const make = () => new TraceStream({ bus, host, nic: nic.name, out: response, locate, names });
    await this.streams.answer(request, response, 'application/x-ndjson', make);
  }
}
