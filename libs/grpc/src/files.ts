import { dirname, join } from 'node:path';

/** Where the proto files are: the contract's, for everybody. */
export const PROTO_FOLDER = join(dirname(require.resolve('@v3vee/contracts/package.json')), 'proto');
export const OWN_FOLDER = join(PROTO_FOLDER, 'v3vee', 'v1');
/** What was published: the numbers of all fields there ever were, and the compiled files. */
export const NUMBERS_FILE = join(PROTO_FOLDER, 'numbers.json');
export const PUBLISHED_IMAGE = join(PROTO_FOLDER, 'published.binpb');
