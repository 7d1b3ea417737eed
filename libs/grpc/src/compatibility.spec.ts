import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { breaking, buildImage } from './compatibility';
import { PROTO_FOLDER, PUBLISHED_IMAGE } from './files';

describe('clients of the published proto files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'v3-proto-'));
    cpSync(PROTO_FOLDER, folder, { recursive: true });
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** What breaks when `from` in a file becomes `to`. */
  const after = (file: string, from: string | RegExp, to: string): string => {
    const path = join(folder, 'v3vee', 'v1', file);
    const before = readFileSync(path, 'utf8');
    const text = before.replace(from, to);
    expect(text).not.toBe(before);
    writeFileSync(path, text);
    return breaking(folder, PUBLISHED_IMAGE).join('\n');
  };

  it('go on with the present ones', () => {
    expect(breaking(PROTO_FOLDER, PUBLISHED_IMAGE)).toEqual([]);
  });

  it('are those of the present ones: after a change of the REST table run "npm run proto -w libs/grpc"', () => {
    const image = join(folder, 'image.binpb');
    buildImage(PROTO_FOLDER, image);
    expect(readFileSync(image).equals(readFileSync(PUBLISHED_IMAGE))).toBe(true);
  });

  it.each([
    [
      'an RPC that is gone',
      'vms.proto',
      /^ {2}rpc StartVm\(.*$/m,
      '',
      'RPC "StartVm" on service "Vms" was deleted',
    ],
    [
      'another request of an RPC',
      'vms.proto',
      'rpc StartVm(StartVmRequest)',
      'rpc StartVm(StopVmRequest)',
      'request type',
    ],
    ['a stream that is none', 'events.proto', 'returns (stream ', 'returns (', 'server streaming'],
    ['a field that is gone', 'types.proto', /^ {2}optional string bssid = 2;$/m, '', 'was deleted'],
    ['another number of a field', 'types.proto', 'string bssid = 2;', 'string bssid = 99;', 'bssid'],
    [
      'another type of a field',
      'types.proto',
      'optional string bssid = 2;',
      'optional int64 bssid = 2;',
      'changed type',
    ],
    ['another name of a field', 'types.proto', 'string bssid = 2;', 'string address = 2;', 'changed name'],
  ])('would notice %s', (_, file, from, to, told) => {
    expect(after(file, from, to)).toMatch(new RegExp(`^v3vee/v1/${file}:\\d+:\\d+:.*${told}`, 'm'));
  });

  it('would not notice a field that is new, nor one that is gone and reserved', () => {
    expect(
      after('types.proto', 'string bssid = 2;', 'string bssid = 2;\n  optional string newest = 9999;'),
    ).toBe('');
    const reserved = 'reserved 2;\n  reserved "bssid";';
    expect(after('types.proto', 'optional string bssid = 2;', reserved)).toBe('');
  });

  it('are not all: files that do not compile are told', () => {
    expect(after('types.proto', 'message AccessPoint {', 'massage AccessPoint {')).toMatch(
      /^v3vee\/v1\/wifi\.proto:\d+:\d+:cannot find `AccessPoint`/m,
    );
  });
});
