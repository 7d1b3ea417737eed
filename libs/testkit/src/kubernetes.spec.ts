import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkoutRoot } from '@v3vee/setup';
import { Deployment, StatefulSet } from 'kubernetes-models/apps/v1';
import { ConfigMap, Namespace, PersistentVolumeClaim, Secret, Service } from 'kubernetes-models/v1';
import { parse, parseAllDocuments } from 'yaml';

/** Kubernetes' own schemas, as models of npm. */
const models = { ConfigMap, Deployment, Namespace, PersistentVolumeClaim, Secret, Service, StatefulSet };
const folder = join(checkoutRoot, 'infra/kubernetes');

interface Container {
  name: string;
  ports?: { name: string; containerPort: number }[];
  env?: { name: string; value?: string; valueFrom?: { secretKeyRef?: { name: string; key: string } } }[];
  envFrom?: { configMapRef?: { name: string }; secretRef?: { name: string } }[];
  command?: string[];
  volumeMounts?: { name: string; mountPath: string; subPathExpr?: string }[];
  readinessProbe?: { httpGet?: { port: string } };
  livenessProbe?: { httpGet?: { port: string } };
}
interface Manifest {
  apiVersion: string;
  kind: keyof typeof models;
  metadata: { name: string };
  data?: Record<string, string>;
  stringData?: Record<string, string>;
  spec?: {
    selector?: Record<string, unknown>;
    ports?: { port: number; targetPort?: string }[];
    serviceName?: string;
    volumeClaimTemplates?: { metadata: { name: string } }[];
    template?: {
      metadata: { labels: Record<string, string> };
      spec: {
        containers: Container[];
        volumes?: {
          name: string;
          configMap?: { name: string };
          secret?: { secretName: string };
          persistentVolumeClaim?: { claimName: string };
        }[];
      };
    };
  };
}

const { resources, configMapGenerator } = parse(readFileSync(join(folder, 'kustomization.yaml'), 'utf8')) as {
  resources: string[];
  configMapGenerator: { name: string; files: string[] }[];
};
const manifests = resources.flatMap(name =>
  parseAllDocuments(readFileSync(join(folder, name), 'utf8')).map(document => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  }),
);
const named = (kind: Manifest['kind']) =>
  new Map(manifests.filter(each => each.kind === kind).map(each => [each.metadata.name, each]));
const workloads = manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet');

it('kustomize is given every manifest that there is', () => {
  const files = readdirSync(folder).filter(name => name.endsWith('.yaml') && name !== 'kustomization.yaml');
  expect([...resources].sort()).toEqual(files.sort());
});

it.each(manifests.map(each => [`${each.kind} ${each.metadata.name}`, each] as const))(
  '%s is as the schema of Kubernetes says',
  (_, manifest) => {
    const Model = models[manifest.kind] as unknown as new (manifest: object) => { validate(): void };
    new Model(manifest).validate();
    expect(new Model({ kind: manifest.kind }) as object).toHaveProperty('apiVersion', manifest.apiVersion);
  },
);

it('the schema is really looked at', () => {
  const broken = { metadata: { name: 'x' }, spec: { replicas: 'two' } };
  expect(() => new Deployment(broken as never).validate()).toThrow();
});

it('whatever a workload refers to is there', () => {
  for (const { metadata, spec } of workloads) {
    const { containers, volumes = [] } = spec!.template!.spec;
    const claimed = spec!.volumeClaimTemplates?.map(claim => claim.metadata.name) ?? [];
    const mounted = new Set([...volumes.map(({ name }) => name), ...claimed]);
    for (const { configMap, secret, persistentVolumeClaim } of volumes) {
      if (configMap) expect([...named('ConfigMap').keys(), 'nats']).toContain(configMap.name);
      if (secret) expect([...named('Secret').keys()]).toContain(secret.secretName);
      if (persistentVolumeClaim)
        expect([...named('PersistentVolumeClaim').keys()]).toContain(persistentVolumeClaim.claimName);
    }
    for (const { volumeMounts = [], envFrom = [], env = [] } of containers) {
      for (const { name } of volumeMounts)
        expect([metadata.name, mounted.has(name)]).toEqual([metadata.name, true]);
      for (const { configMapRef, secretRef } of envFrom) {
        if (configMapRef) expect(named('ConfigMap').has(configMapRef.name)).toBe(true);
        if (secretRef) expect(named('Secret').has(secretRef.name)).toBe(true);
      }
      for (const { valueFrom } of env) {
        const { name, key } = valueFrom?.secretKeyRef ?? {};
        if (name && key) expect(named('Secret').get(name)?.stringData).toHaveProperty(key);
      }
    }
    if (spec!.serviceName) expect(named('Service').has(spec!.serviceName)).toBe(true);
  }
});

it('NATS has the passwords of all whom it knows, and each process has its own', () => {
  const [generated] = configMapGenerator;
  expect(generated).toMatchObject({ name: 'nats', files: ['nats/nats.conf', 'nats/authorization.conf'] });
  const known = readFileSync(join(folder, 'nats/authorization.conf'), 'utf8');
  const users = [...known.matchAll(/user: "(.+)"\n +password: \$(\w+)/g)].map(([, user, variable]) => ({
    user,
    variable,
  }));
  expect(Object.keys(named('Secret').get('nats')!.stringData!)).toEqual(users.map(({ user }) => user));
  const containers = workloads.flatMap(({ spec }) => spec!.template!.spec.containers);
  const server = containers.find(({ name }) => name === 'nats')!;
  expect(server.env).toEqual(
    users.map(({ user, variable }) => ({
      name: variable,
      valueFrom: { secretKeyRef: { name: 'nats', key: user } },
    })),
  );
  const hosts = ['host-0', 'host-1', 'host-2', 'host-3'];
  const served = containers.flatMap(({ name, env = [], command = [], volumeMounts = [] }) => {
    const password = env.find(each => each.name === 'V3_NATS_PASSWORD')?.valueFrom?.secretKeyRef;
    const url = env.find(each => each.name === 'V3_NATS_URL')?.value;
    if (url) {
      expect(url).toBe(`nats://${name}:$(V3_NATS_PASSWORD)@nats:4222`);
      return password!.key;
    }
    const file = volumeMounts.find(each => each.name === 'nats' && each.subPathExpr);
    if (!file) return [];
    expect(command.join(' ')).toContain(`nats://${name}-$V3_HOST:$$(cat ${file.mountPath})@nats:4222`);
    return hosts.map(host => file.subPathExpr!.replace('$(V3_HOST)', host));
  });
  expect(['operator', ...served].sort()).toEqual(users.map(({ user }) => user).sort());
});

it('every service leads to ports of a workload, every container is probed at one of its own', () => {
  for (const [name, { spec }] of named('Service')) {
    const [chosen] = Object.values(spec!.selector as Record<string, string>);
    const behind = workloads.find(
      each => each.spec!.template!.metadata.labels['app.kubernetes.io/name'] === chosen,
    );
    const ports = behind?.spec!.template!.spec.containers.flatMap(container => container.ports ?? []) ?? [];
    for (const { port, targetPort } of spec!.ports!) {
      const leads = ports.some(each => (targetPort ? each.name === targetPort : each.containerPort === port));
      expect([name, port, leads]).toEqual([name, port, true]);
    }
  }
  for (const { spec } of workloads) {
    for (const { name, ports = [], readinessProbe, livenessProbe } of spec!.template!.spec.containers) {
      for (const probe of [readinessProbe, livenessProbe]) {
        expect([name, probe]).toEqual([name, expect.anything()]);
        const port = probe?.httpGet?.port;
        if (port !== undefined) expect(ports.map(each => each.name)).toContain(port);
      }
    }
  }
});

it('services that are compiled are what containers run, with all that their environment must have', () => {
  const config = named('ConfigMap').get('v3vee')!.data!;
  const secret = named('Secret').get('v3vee')!.stringData!;
  expect(Object.keys({ ...config, ...secret })).toEqual(
    expect.arrayContaining(['V3_DATABASE_URL', 'V3_STATE_DIR', 'V3_CACHE_DIR', 'V3_ADMIN_TOKEN_FILE']),
  );
  const apps = new Set(readdirSync(join(checkoutRoot, 'apps')));
  const commands = workloads.flatMap(({ spec }) =>
    spec!.template!.spec.containers.flatMap(container => (container as { command?: string[] }).command ?? []),
  );
  const scripts = commands.flatMap(word => /apps\/\w+\/dist\/main\.js/.exec(word) ?? []);
  expect(scripts.map(script => script.split('/')[1]).sort()).toEqual([
    'dmm',
    'gateway',
    'kitten',
    'palacios',
    'vnet',
    'wifi',
  ]);
  for (const script of scripts) expect(apps.has(script.split('/')[1]!)).toBe(true);
});
