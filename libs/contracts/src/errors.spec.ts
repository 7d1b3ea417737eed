import { errorCatalogue, V3Error } from './errors';

describe('the error catalogue', () => {
  it('gives every error a problem that survives the wire', () => {
    for (const code of Object.keys(errorCatalogue) as (keyof typeof errorCatalogue)[]) {
      const error = new V3Error(code, 'detail', { fields: [{ path: 'a.b', message: 'wrong' }] });
      const back = V3Error.fromProblem(JSON.parse(JSON.stringify(error.toProblem('id'))));
      expect([back.code, back.message, back.fields]).toEqual([code, 'detail', error.fields]);
      expect(error.toProblem()).toMatchObject({
        status: errorCatalogue[code].http,
        title: errorCatalogue[code].title,
      });
      expect(error.http).toBeGreaterThanOrEqual(400);
    }
  });

  it('turns foreign errors into ours without losing what they said', () => {
    expect(V3Error.from(new Error('boom'))).toMatchObject({ code: 'INTERNAL', message: 'boom' });
    expect(V3Error.from(Object.assign(new Error('no space'), { code: 'ENOSPC' })).code).toBe('STORAGE_FULL');
    expect(V3Error.from('text').message).toBe('text');
    expect(V3Error.fromProblem({ code: 'NOT_A_CODE', detail: 'x' }).code).toBe('INTERNAL');
  });
});
