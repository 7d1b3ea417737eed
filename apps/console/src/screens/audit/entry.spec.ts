import { detailOf, targetOf } from './entry';

describe('an entry of the audit log', () => {
  it('ended as HTTP and the catalogue say', () => {
    expect(detailOf({ status: 403, code: 'PERMISSION_DENIED' })).toBe('403 PERMISSION_DENIED');
    expect(detailOf({ status: 0, code: null })).toBe('the client left');
  });

  it('is of an address, without the request id', () => {
    const told = (target: string) => targetOf({ target });
    expect(told('/v1/vms?requestId=0-0')).toBe('/v1/vms');
    expect(told('/v1/vms?requestId=0-0&a=1')).toBe('/v1/vms?a=1');
    expect(told('/v1/vms?a=1&requestId=0-0')).toBe('/v1/vms?a=1');
    expect(told('/v1/vms?a=1&requestId=0-0&b=2')).toBe('/v1/vms?a=1&b=2');
    expect(told('/v1/vms/a1')).toBe('/v1/vms/a1');
  });
});
