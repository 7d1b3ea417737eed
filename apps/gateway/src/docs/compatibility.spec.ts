import { incompatibilities, shapeOf } from './compatibility';
import { openApiDocument } from './openapi';
import { published } from './published';
import type { Json } from './responses';

/** JSON as the tests go about in it. */
interface Node {
  [key: string]: Node;
}

describe('the REST interface', () => {
  const shape = shapeOf(openApiDocument());

  it('takes and answers all that was published', () => {
    expect(incompatibilities(published(), shape)).toEqual([]);
  });

  it('is the published one: after a change of the REST table run "npm run openapi -w apps/gateway"', () => {
    expect(published()).toEqual(JSON.parse(JSON.stringify(shape)));
  });
});

describe('what clients would notice', () => {
  const base = published();
  /** @returns what is told of the published document after `change` */
  const after = (change: (document: Node) => void, from: Json = base): string[] => {
    const document = structuredClone(from);
    change(document as Node);
    return incompatibilities(from, document);
  };
  const backwards = (change: (document: Node) => void): string[] => {
    const document = structuredClone(base);
    change(document as Node);
    return incompatibilities(document, base);
  };
  const schemas = (document: Node) => document.components!.schemas!;
  const set = (holder: Node | undefined, key: string, value: unknown) => {
    (holder as Json)[key] = value;
  };

  it('is nothing when nothing changed', () => {
    expect(after(() => undefined)).toEqual([]);
  });

  it.each(
    Object.entries((base as Node).paths!).flatMap(([path, item]) =>
      Object.keys(item).map(method => [method, path] as const),
    ),
  )('%s %s that is gone', (method, path) => {
    expect(after(document => delete document.paths![path]![method])).toEqual([
      `${method.toUpperCase()} ${path} is gone`,
    ]);
  });

  it('each field of what is named that is gone, and each value', () => {
    for (const [name, schema] of Object.entries(schemas(base as Node))) {
      // What only events or other services have is in no request and no answer.
      const used = JSON.stringify(base.paths).includes(`/${name}"`);
      if (!used) continue;
      for (const field of Object.keys(schema.properties ?? {})) {
        const problems = after(document => delete schemas(document)[name]!.properties![field]);
        expect([name, field, problems]).toEqual([
          name,
          field,
          expect.arrayContaining([expect.stringContaining(`.${field} is gone`)]),
        ]);
        for (const value of (schema.properties![field]!.enum ?? []) as unknown as string[]) {
          const less = after(document => {
            const property = schemas(document)[name]!.properties![field]!;
            set(
              property,
              'enum',
              (property.enum as unknown as string[]).filter(each => each !== value),
            );
          });
          expect([name, field, less]).toEqual([
            name,
            field,
            expect.arrayContaining([expect.stringContaining(`.${field}: the value ${value} is gone`)]),
          ]);
        }
      }
    }
  });

  it.each<[string, (document: Node) => void, RegExp]>([
    [
      'a field that would be required',
      document => {
        const body = schemas(document).VmSpec!;
        set(body, 'required', [...(body.required as unknown as string[]), 'image']);
      },
      /POST \/v1\/vms: request\.image would be required/,
    ],
    [
      'a field of another type',
      document => set(schemas(document).Vm!.properties!.epoch, 'type', 'string'),
      /GET \/v1\/vms\/\{vm\}: response\.epoch was integer and would be string/,
    ],
    [
      'an answer that might lack a field',
      document => {
        const vm = schemas(document).Vm!;
        set(
          vm,
          'required',
          (vm.required as unknown as string[]).filter(name => name !== 'state'),
        );
      },
      /response\.state might be absent/,
    ],
    [
      'a query parameter that is gone',
      document => set(document.paths!['/v1/vms']!.get, 'parameters', []),
      /GET \/v1\/vms: the query parameter host is gone/,
    ],
    [
      'a parameter that would be required',
      document => set(document.paths!['/v1/vms']!.get!.parameters![0], 'required', true),
      /GET \/v1\/vms: the query parameter \w+ would be required/,
    ],
    [
      'an answer under another status',
      document => delete document.paths!['/v1/vms']!.post!.responses!['201'],
      /POST \/v1\/vms: the answer 201 is gone/,
    ],
    [
      'another name of an operation',
      document => set(document.paths!['/v1/vms']!.get, 'operationId', 'vms'),
      /GET \/v1\/vms: the operationId was listVms and would be vms/,
    ],
    [
      'a stricter limit',
      document => {
        const { parameters } = document.paths!['/v1/vms']!.get!;
        const size = (parameters as unknown as Node[]).find(it => String(it.name) === 'pageSize');
        set(size!.schema, 'maximum', 1);
      },
      /query parameter pageSize would have the maximum 1/,
    ],
  ])('%s', (_, change, expected) => {
    expect(after(change)).toContainEqual(expect.stringMatching(expected));
  });

  it('not what is new: a path, an optional field, a value, a wider limit', () => {
    expect(
      backwards(document => {
        delete document.paths!['/v1/events'];
        delete schemas(document).Vm!.properties!.uptimeSeconds;
        delete schemas(document).VmSpec!.properties!.autostart;
        const state = schemas(document).Vm!.properties!.state!;
        set(state, 'enum', ['RUNNING']);
      }),
    ).toEqual([]);
  });
});
