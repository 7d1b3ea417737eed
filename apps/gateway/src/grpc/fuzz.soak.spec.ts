import { fuzzingFor } from '../testing/fuzz-soak.fixture';
import { GrpcFuzz } from '../testing/grpc-fuzz.fixture';

describe('hostile calls of every RPC, for long', () => {
  fuzzingFor('end with a status, change nothing and harm nobody', () => GrpcFuzz.start());
});
