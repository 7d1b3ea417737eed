import { fuzzingFor } from '../testing/fuzz-soak.fixture';
import { RestFuzz } from '../testing/rest-fuzz.fixture';

describe('hostile requests to every address, for long', () => {
  fuzzingFor('are refused in order, change nothing and harm nobody', () => RestFuzz.start());
});
