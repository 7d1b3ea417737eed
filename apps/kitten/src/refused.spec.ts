import type { INestApplication } from '@nestjs/common';
import { busUsers } from '@v3vee/contracts';
import { createService, readConfig } from '@v3vee/service';
import { natsAuthorization } from '@v3vee/setup';
import { testNats } from '@v3vee/testkit';
import { kittenConfig } from './config';
import { KittenModule } from './kitten.module';

jest.setTimeout(30_000);

describe('a service that has another host’s user of the NATS server', () => {
  let nats: Awaited<ReturnType<typeof testNats>>;
  let kitten: INestApplication | undefined;
  beforeEach(async () => (nats = await testNats(natsAuthorization(busUsers(['alpha']), () => '"p"'))));
  afterEach(async () => {
    await kitten?.close();
    await nats.stop();
  });

  it('lives on, is not ready and says what it may not hear, and counts what it may not say', async () => {
    const config = readConfig(kittenConfig, {
      ...{ V3_NATS_URL: nats.url.replace('//', '//kitten-alpha:p@'), V3_LOG_LEVEL: 'silent' },
      ...{ V3_HOST: 'beta', V3_HOST_MEMORY_MIB: '64', V3_HOST_CORES: '1' },
    });
    kitten = await createService({ name: 'kitten', module: KittenModule, config: kittenConfig }, config);
    const url = await kitten.getUrl();
    const text = async (path: string) => (await fetch(`${url}${path}`)).text();
    const why = /the server does not let us hear [^"]*kitten\.beta\.allocate/;
    while (!why.test(await text('/health/ready'))) await new Promise(resolve => setTimeout(resolve, 5));
    const refused = async () =>
      Number(/^v3_bus_refused_total\S* (\d+)$/m.exec(await text('/metrics'))?.[1] ?? 0);
    // It says each second that it lives.
    const before = await refused();
    expect(before).toBeGreaterThan(5);
    while ((await refused()) < before + 2) await new Promise(resolve => setTimeout(resolve, 20));
  });
});
