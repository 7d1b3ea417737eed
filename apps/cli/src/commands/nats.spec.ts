import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Bus } from '@v3vee/bus';
import { busUsers, OPERATOR } from '@v3vee/contracts';
import { checkoutRoot, ensureNats, freePort, natsAuthorization, resolvePaths } from '@v3vee/setup';
import { parse } from 'yaml';
import { passwordVariable } from './nats';

const read = (name: string) => readFileSync(join(checkoutRoot, name), 'utf8');

/** The hosts of docker-compose.yml, and those that infra/docker/host.yml may add. */
const composeHosts = ['alpha', 'beta', 'gamma', 'delta'];
/** The pods that infra/kubernetes/hosts.yaml may have. */
const podHosts = ['host-0', 'host-1', 'host-2', 'host-3'];

/** `dmm.exit.H` and `dmm.release.H` as `dmm.{exit,release}.H`. */
function gathered(subjects: string[]): string[] {
  const groups = new Map<string, Set<string>>();
  for (const subject of subjects) {
    const words = subject.split('.');
    const at = ['*', '>', 'HOST'].includes(words.at(-1) as string) ? words.length - 2 : words.length - 1;
    const name = words[at] as string;
    const isVerb = at > 0 && !['*', 'HOST'].includes(name);
    const key = isVerb ? words.map((word, i) => (i === at ? '{}' : word)).join('.') : subject;
    const group = groups.get(key) ?? new Set();
    groups.set(key, group.add(name));
  }
  return [...groups].map(([key, names]) =>
    key.replace('{}', names.size > 1 ? `{${[...names].join(',')}}` : [...names].join()),
  );
}

/** The table of docs/ARCHITECTURE.md. */
function table(): string {
  const rows = busUsers(['HOST'])
    .filter(({ user }) => user !== OPERATOR)
    .map(({ user, ...subjects }) => {
      const cells = (['publish', 'subscribe'] as const).map(what =>
        gathered(subjects[what].filter(subject => !subject.startsWith('_INBOX.')))
          .map(subject => `\`${subject}\``)
          .join(' '),
      );
      return `| ${user} | ${cells.join(' | ')} |`;
    });
  return ['| process | says | hears |', '|---|---|---|', ...rows, ''].join('\n');
}

describe('v3 nats permissions', () => {
  it('is what the documents say, and what containers use', () => {
    expect(read('docs/ARCHITECTURE.md')).toContain(`\n${table()}\n`);
    expect(read('infra/nats/authorization.conf')).toBe(
      natsAuthorization(busUsers(composeHosts), passwordVariable),
    );
    expect(read('infra/kubernetes/nats/authorization.conf')).toBe(
      natsAuthorization(busUsers(podHosts), passwordVariable),
    );
  });

  it('lets the services of compose in, each with its own password', async () => {
    const compose = parse(read('docker-compose.yml'), { merge: true }) as {
      services: Record<string, { environment?: Record<string, string> }>;
      'x-nats-passwords': Record<string, string>;
    };
    const { services, 'x-nats-passwords': variables } = compose;
    const passwords = Object.fromEntries(Object.keys(variables).map((name, i) => [name, `p${i}`]));
    const port = await freePort();
    const program = await ensureNats({ cache: resolvePaths().cache });
    const configuration = join(checkoutRoot, 'infra/nats/nats.conf');
    const server = spawn(
      program,
      ['-c', configuration, '-a', '127.0.0.1', '-p', `${port}`, '-m', `${await freePort()}`],
      {
        env: passwords,
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    const ended = once(server, 'exit');
    try {
      await new Promise<void>((resolve, reject) => {
        let said = '';
        server.stderr.on('data', text => (said += text).includes('Server is ready') && resolve());
        void ended.then(() => reject(new Error(said)));
      });
      const urls = Object.values(services).flatMap(({ environment }) => environment?.V3_NATS_URL ?? []);
      expect(urls.length).toBe(busUsers(['alpha', 'beta']).length - 1);
      const { services: further } = parse(read('infra/docker/host.yml'), { merge: true }) as typeof compose;
      for (const host of ['gamma', 'delta'])
        for (const { environment } of Object.values(further))
          urls.push(
            environment!
              .V3_NATS_URL!.replace('${V3_HOST}', host)
              .replace(/PASSWORD_(\w+):/, `PASSWORD_$1_${host.toUpperCase()}:`),
          );
      for (const url of urls) {
        const filled = url.replace(/\$\{(\w+):-\w+\}/, (_, name: string) => passwords[name] as string);
        const bus = await Bus.connect({ url: filled.replace('@nats:4222', `@127.0.0.1:${port}`), name: 'x' });
        await bus.close();
      }
      const stranger = `nats://gateway:${passwords.V3_NATS_PASSWORD_WIFI}@127.0.0.1:${port}`;
      await expect(Bus.connect({ url: stranger, name: 'x' })).rejects.toMatchObject({ code: 'BUS_REFUSED' });
    } finally {
      server.kill();
      await ended;
    }
  });
});
