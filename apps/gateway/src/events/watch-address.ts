import { watchedLists } from '@v3vee/contracts';
import type { NextFunction, Request, Response } from 'express';

const lists = new Set(watchedLists.map(name => `/v1/${name}`));

/** `GET /v1/vms?watch=true` is `GET /v1/vms:watch`. */
export function watchAddress(request: Request, _: Response, next: NextFunction): void {
  const [path = '', query = ''] = request.url.split('?', 2);
  const search = new URLSearchParams(query);
  if (request.method === 'GET' && lists.has(path) && search.get('watch') === 'true') {
    search.delete('watch');
    request.url = `${path}:watch${search.size > 0 ? `?${search}` : ''}`;
  }
  next();
}
