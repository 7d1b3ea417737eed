import { BeforeApplicationShutdown, Controller, Req, Res } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { AIR_HOST, airPoint, captureQuery, LINKS_HOST, V3Error, validate } from '@v3vee/contracts';
import { compileFilter, compileWlanFilter } from '@v3vee/overlay';
import type { Request, Response } from 'express';
import { HostDirectory } from '../hosts/host-directory';
import { carried, Stream } from '../http/endpoint';
import { OpenStreams } from '../streams/open-streams';
import { CapturePoints, type CapturePlace } from './capture-points';
import { CaptureStream } from './capture-stream';

/** `GET /v1/captures?point=a1/net0&filter=icmp`: pcapng until the client leaves. */
@Controller()
export class CapturesController implements BeforeApplicationShutdown {
  private readonly streams = new OpenStreams('captures');

  constructor(
    private readonly bus: Bus,
    private readonly points: CapturePoints,
    private readonly directory: HostDirectory,
  ) {}

  beforeApplicationShutdown(): void {
    this.streams.endAll('the gateway stops');
  }

  @Stream('capture')
  async capture(@Req() request: Request, @Res() response: Response): Promise<void> {
    const query = validate(captureQuery, request.query);
    const compile = airPoint(query.point) === undefined ? compileFilter : compileWlanFilter;
    compile(query.filter);
    this.streams.assertRoom();
    const point = carried(request).point ?? query.point;
    this.assertServed(await this.points.find(point));
    const { bus } = this;
    const locate = () => this.points.find(point);
    const make = () => new CaptureStream({ bus, query, out: response, locate });
    await this.streams.answer(request, response, 'application/x-pcapng', make);
  }

  /** @throws V3Error HOST_NOT_READY */
  private assertServed({ host }: CapturePlace): void {
    const isService = host === LINKS_HOST || host === AIR_HOST;
    const silence = isService ? '' : this.directory.palaciosSilence(host);
    if (silence) throw new V3Error('HOST_NOT_READY', `host ${host} is not ready: ${silence}`);
  }
}
