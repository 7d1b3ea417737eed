import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { V3Error } from '@v3vee/contracts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Opaque page tokens: where a listing stopped, encrypted so that nobody can read, make up or change one. */
export class PageTokens {
  /** @param key of 32 bytes */
  constructor(private readonly key: Buffer) {}

  /** @param listing the list and its filter: a token of one listing is no good for another */
  seal(listing: string, position: unknown): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce).setAAD(Buffer.from(listing));
    const content = [cipher.update(JSON.stringify(position), 'utf8'), cipher.final()];
    return Buffer.concat([nonce, cipher.getAuthTag(), ...content]).toString('base64url');
  }

  /** @throws V3Error PAGE_TOKEN_INVALID */
  open(listing: string, token: string): unknown {
    const bytes = Buffer.from(token, 'base64url');
    const content = NONCE_BYTES + TAG_BYTES;
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      })
        .setAAD(Buffer.from(listing))
        .setAuthTag(bytes.subarray(NONCE_BYTES, content));
      const text = decipher.update(bytes.subarray(content), undefined, 'utf8') + decipher.final('utf8');
      return JSON.parse(text);
    } catch (cause) {
      throw new V3Error(
        'PAGE_TOKEN_INVALID',
        'pageToken is not a nextPageToken of this listing; leave it out to start from the beginning',
        { cause },
      );
    }
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
}
