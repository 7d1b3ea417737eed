import { BeforeApplicationShutdown, Controller, Get, Req, Res } from '@nestjs/common';
import { validate, watchedLists, watchPath, watchQuery, type Event, type List } from '@v3vee/contracts';
import { EventRepository } from '@v3vee/store';
import type { Request, Response } from 'express';
import { Endpoint, Input, routeOf, type InputOf } from '../http/endpoint';
import { PageTokens } from '../http/page-tokens';
import { OpenStreams } from '../streams/open-streams';
import { EventFeed } from './event-feed';
import { eventView } from './event-view';
import { WatchStream } from './watch-stream';
import { Watchables } from './watchables';

const routes = watchedLists.map(name => routeOf(watchPath(name).replace('/v1', '')));

@Controller()
export class EventsController implements BeforeApplicationShutdown {
  private readonly streams = new OpenStreams('watches');

  constructor(
    private readonly events: EventRepository,
    private readonly feed: EventFeed,
    private readonly watchables: Watchables,
    private readonly pages: PageTokens,
  ) {}

  beforeApplicationShutdown(): void {
    this.streams.endAll('the gateway stops');
  }

  @Endpoint('listEvents')
  async list(@Input() { query }: InputOf<'listEvents'>): Promise<List<Event>> {
    const { pageSize, pageToken, kind, vm } = query;
    const listing = `events/${kind ?? ''}/${vm ?? ''}`;
    const before = pageToken === undefined ? undefined : (this.pages.open(listing, pageToken) as string);
    const rows = await this.events.list({ kind, vm, before, limit: pageSize + 1 });
    return this.pages.page(listing, rows, pageSize, ({ id }) => id, eventView);
  }

  @Get(routes)
  async watch(@Req() request: Request, @Res() response: Response): Promise<void> {
    const { resourceVersion: after } = validate(watchQuery, request.query);
    const watched = watchedLists.find(name => request.path === watchPath(name)) ?? 'events';
    this.streams.assertRoom();
    const { events, feed } = this;
    await this.streams.answer(request, response, 'application/x-ndjson', () => {
      return new WatchStream({ out: response, events, feed, watched: this.watchables.of(watched), after });
    });
  }
}
