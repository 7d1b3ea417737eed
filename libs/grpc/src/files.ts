import { dirname, join } from 'node:path';

/** Where the proto files are: the contract's, for everybody. */
export const PROTO_FOLDER = join(dirname(require.resolve('@v3vee/contracts/package.json')), 'proto');
export const OWN_FOLDER = join(PROTO_FOLDER, 'v3vee', 'v1');
export const PUBLISHED_FILE = join(PROTO_FOLDER, 'published.json');
