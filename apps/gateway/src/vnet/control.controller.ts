import { Controller, Header, HttpCode, Query, Req } from '@nestjs/common';
import { resourceName, V3Error, validate, VNET_CONTROL_PATH } from '@v3vee/contracts';
import type { Request } from 'express';
import { from } from 'rxjs';
import { z } from 'zod';
import { Stream } from '../http/endpoint';
import { RepeatableRequests } from '../http/repeatable-requests';
import { VnetControl } from './control.service';

const PLAIN = 'text/plain; charset=utf-8';
const query = z.strictObject({ network: resourceName.optional(), requestId: z.uuid().optional() });

/** The original language as text: what the original's files in /proc are. */
@Controller()
export class VnetControlController {
  constructor(
    private readonly control: VnetControl,
    private readonly repeatable: RepeatableRequests,
  ) {}

  @Stream('listVnetControl')
  @Header('Content-Type', PLAIN)
  list(): Promise<string> {
    return this.control.listing();
  }

  @Stream('runVnetControl')
  @HttpCode(200)
  @Header('Content-Type', PLAIN)
  async run(@Query() parameters: object, @Req() request: Request): Promise<string> {
    const { network, requestId } = validate(query, parameters);
    const text = bodyOf(request);
    if (requestId === undefined) return this.control.run(text, network);
    const identity = { name: 'vnetControl', network, text };
    const run = async () => ({ text: await this.control.run(text, network) });
    const result = await this.repeatable.once(requestId.toLowerCase(), identity, 200, () => from(run()));
    return (result as { text: string }).text;
  }
}

/** An empty body is no text, but no mistake either. */
function bodyOf({ body }: Request): string {
  if (typeof body === 'string') return body;
  if (body === undefined || Object.keys(body as object).length === 0) return '';
  throw new V3Error(
    'INVALID_REQUEST',
    `send lines of the VNET language as text/plain to ${VNET_CONTROL_PATH}`,
  );
}
