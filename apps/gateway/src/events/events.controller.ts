import { BeforeApplicationShutdown, Controller, Req, Res } from '@nestjs/common';
import { validate, watchQuery, type Event, type List, type WatchedList } from '@v3vee/contracts';
import { EventRepository } from '@v3vee/store';
import type { Request, Response } from 'express';
import { carried, Endpoint, Input, Stream, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { GatewayMetrics } from '../metrics';
import { OpenStreams } from '../streams/open-streams';
import { EventFeed } from './event-feed';
import { eventView } from './event-view';
import { WatchSteps } from './watch-steps';
import { WatchStream } from './watch-stream';
import { Watchables } from './watchables';

/** How many watches may be under way at a time. */
const MAX_WATCHES = 2_048;

@Controller()
export class EventsController implements BeforeApplicationShutdown {
  private readonly streams = new OpenStreams('watches', MAX_WATCHES);

  constructor(
    private readonly events: EventRepository,
    private readonly feed: EventFeed,
    private readonly steps: WatchSteps,
    private readonly watchables: Watchables,
    private readonly pages: PageTokens,
    metrics: GatewayMetrics,
  ) {
    metrics.countWatches(() => this.streams.size);
  }

  beforeApplicationShutdown(): void {
    this.streams.endAll('the gateway stops');
  }

  @Endpoint('listEvents')
  async list(@Input() { query, caller }: InputOf<'listEvents'>): Promise<List<Event>> {
    const { pageSize, pageToken, kind, vm } = query;
    const listing = `events/${kind ?? ''}/${vm ?? ''}`;
    const before = pageToken === undefined ? undefined : (this.pages.open(listing, pageToken) as string);
    const project = caller.identity?.project;
    const rows = await this.events.list({ kind, vm, project, before, limit: pageSize + 1 });
    return this.pages.page(listing, rows, pageSize, ({ id }) => id, eventView);
  }

  @Stream('watchVms')
  watchVms(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.watch('vms', request, response);
  }

  @Stream('watchHosts')
  watchHosts(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.watch('hosts', request, response);
  }

  @Stream('watchMigrations')
  watchMigrations(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.watch('migrations', request, response);
  }

  @Stream('watchOperations')
  watchOperations(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.watch('operations', request, response);
  }

  @Stream('watchEvents')
  watchEvents(@Req() request: Request, @Res() response: Response): Promise<void> {
    return this.watch('events', request, response);
  }

  private async watch(list: WatchedList, request: Request, out: Response): Promise<void> {
    const { resourceVersion: after } = validate(watchQuery, request.query);
    const project = carried(request).identity?.project ?? null;
    this.streams.assertRoom();
    const { events, feed, steps } = this;
    const watched = this.watchables.of(list, project);
    await this.streams.answer(request, out, 'application/x-ndjson', () => {
      return new WatchStream({ out, events, feed, steps, watched, project, after });
    });
  }
}
