import { BeforeApplicationShutdown, Controller, Get, Req, Res } from '@nestjs/common';
import { Bus } from '@v3vee/bus';
import { CAPTURE_PATH, captureQuery, LINKS_HOST, V3Error, validate } from '@v3vee/contracts';
import { compileFilter } from '@v3vee/overlay';
import type { Request, Response } from 'express';
import { HostDirectory } from '../hosts/host-directory';
import { CapturePoints, type CapturePlace } from './capture-points';
import { CaptureStream } from './capture-stream';

/** How many captures may be under way at a time. */
const MAX_CAPTURES = 64;

/** `GET /v1/captures?point=a1/net0&filter=icmp`: pcapng until the client leaves. */
@Controller()
export class CapturesController implements BeforeApplicationShutdown {
  private readonly open = new Set<CaptureStream>();

  constructor(
    private readonly bus: Bus,
    private readonly points: CapturePoints,
    private readonly directory: HostDirectory,
  ) {}

  beforeApplicationShutdown(): void {
    for (const stream of this.open) stream.end('the gateway stops');
  }

  @Get(CAPTURE_PATH.slice(1))
  async capture(@Req() request: Request, @Res() response: Response): Promise<void> {
    const query = validate(captureQuery, request.query);
    compileFilter(query.filter);
    if (this.open.size >= MAX_CAPTURES) {
      throw new V3Error('SERVICE_UNAVAILABLE', `${MAX_CAPTURES} captures are under way; end one first`);
    }
    this.assertServed(await this.points.find(query.point));
    response.setHeader('Content-Type', 'application/x-pcapng');
    response.setHeader('Cache-Control', 'no-store');
    if (request.method === 'HEAD') return void response.end();
    const stream = new CaptureStream({
      bus: this.bus,
      query,
      out: response,
      locate: () => this.points.find(query.point),
    });
    this.open.add(stream);
    void stream.ended.then(() => this.open.delete(stream));
    await stream.open();
  }

  /** @throws V3Error HOST_NOT_READY */
  private assertServed({ host }: CapturePlace): void {
    const silence = host === LINKS_HOST ? '' : this.directory.palaciosSilence(host);
    if (silence) throw new V3Error('HOST_NOT_READY', `host ${host} is not ready: ${silence}`);
  }
}
