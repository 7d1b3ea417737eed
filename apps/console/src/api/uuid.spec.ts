import { newUuid } from './uuid';

describe('a request id', () => {
  it('is a random UUID, each time another', () => {
    const all = Array.from({ length: 200 }, newUuid);
    for (const each of all)
      expect(each).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(all).size).toBe(all.length);
  });
});
