import { createHmac, timingSafeEqual } from 'node:crypto';
import { V3Error } from '@v3vee/contracts';

/** Opaque page tokens: where a listing stopped, sealed so that nobody can make up or change one. */
export class PageTokens {
  constructor(private readonly key: Buffer) {}

  /** @param listing the list and its filter: a token of one listing is no good for another */
  seal(listing: string, position: unknown): string {
    const content = Buffer.from(JSON.stringify(position));
    return `${content.toString('base64url')}.${this.mac(listing, content).toString('base64url')}`;
  }

  /** @throws V3Error PAGE_TOKEN_INVALID */
  open(listing: string, token: string): unknown {
    const [content, mac, rest] = token.split('.').map(part => Buffer.from(part, 'base64url'));
    const expected = this.mac(listing, content ?? Buffer.alloc(0));
    if (!content || mac?.length !== expected.length || rest || !timingSafeEqual(mac, expected)) {
      throw new V3Error(
        'PAGE_TOKEN_INVALID',
        'pageToken is not a nextPageToken of this listing; leave it out to start from the beginning',
      );
    }
    return JSON.parse(content.toString());
  }

  /**
   * Cuts what a query returned to a page. Ask the store for one row more than the page holds: that row tells
   * whether there is a next page.
   */
  page<Row, Item>(
    listing: string,
    rows: Row[],
    pageSize: number,
    position: (last: Row) => unknown,
    view: (row: Row) => Item,
  ): { items: Item[]; nextPageToken: string } {
    const shown = rows.slice(0, pageSize);
    const last = shown.at(-1);
    const more = rows.length > pageSize && last !== undefined;
    return { items: shown.map(view), nextPageToken: more ? this.seal(listing, position(last)) : '' };
  }

  /** Of a listing that is made anew for each request: a page goes on at a number. */
  pageOfNow<Item>(
    listing: string,
    all: Item[],
    { pageSize, pageToken }: { pageSize: number; pageToken?: string },
  ): { items: Item[]; nextPageToken: string } {
    const start = pageToken === undefined ? 0 : (this.open(listing, pageToken) as number);
    return this.page(
      listing,
      all.slice(start),
      pageSize,
      () => start + pageSize,
      item => item,
    );
  }

  private mac(listing: string, content: Buffer): Buffer {
    return createHmac('sha256', this.key).update(`${listing}\0`).update(content).digest().subarray(0, 16);
  }
}
