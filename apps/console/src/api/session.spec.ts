import { ApiError } from './problem';
import { SessionKeeper, type Channel, type Keep } from './session';

class Tab implements Keep, Channel {
  static readonly all = new Set<Tab>();
  onmessage: Channel['onmessage'] = null;
  readonly items = new Map<string, string>();
  constructor() {
    Tab.all.add(this);
  }
  postMessage: Channel['postMessage'] = data => {
    for (const tab of Tab.all) if (tab !== this) tab.onmessage?.({ data });
  };
  getItem = (key: string) => this.items.get(key) ?? null;
  setItem = (key: string, value: string) => void this.items.set(key, value);
  removeItem = (key: string) => void this.items.delete(key);
}
const open = () => {
  const tab = new Tab();
  return new SessionKeeper(tab, tab);
};

describe('the session', () => {
  beforeEach(() => Tab.all.clear());

  it('is given to a new tab by one that has it, and to all when one logs in', () => {
    const first = open();
    const waiting = open();
    expect(waiting.token).toBeUndefined();
    let told = 0;
    waiting.subscribe(() => told++);
    first.begin('secret');
    expect(waiting.token).toBe('secret');
    expect(told).toBe(1);
    expect(open().token).toBe('secret');
  });

  it('ends in all tabs at once, and a tab without one gives none', () => {
    const [first, second] = [open(), open()];
    first.begin('secret');
    second.end();
    expect(first.token).toBeUndefined();
    expect(open().token).toBeUndefined();
  });

  it('that the gateway ended says why, until the next begins', () => {
    const session = open();
    session.begin('secret');
    session.end(new ApiError('UNAUTHENTICATED', 'A valid token is required', 'this token was revoked'));
    expect(session.endedBy?.message).toBe('this token was revoked');
    session.begin('another');
    expect(session.endedBy).toBeUndefined();
    session.end();
    expect(session.endedBy).toBeUndefined();
  });

  it('of a tab is not replaced by what another says', () => {
    const [first, second] = [open(), open()];
    first.begin('one');
    second.begin('two');
    expect([first.token, second.token]).toEqual(['one', 'two']);
  });
});
