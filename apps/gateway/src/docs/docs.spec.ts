import {
  CAPTURE_PATH,
  captureQuery,
  errorCatalogue,
  MIGRATION_WATCH_PATH,
  problem,
  rest,
  restStreams,
  TRACE_PATH,
  traceQuery,
  VNET_CONTROL_PATH,
  type Endpoint,
  type RestStream,
} from '@v3vee/contracts';
import request from 'supertest';
import { z } from 'zod';
import { TestGateway } from '../testing/test-gateway.fixture';

interface Content {
  content?: Record<string, { example?: unknown; examples?: Record<string, { $ref: string }> }>;
}
interface Operation {
  operationId: string;
  parameters: { name: string; in: string; required: boolean }[];
  requestBody?: { required: boolean } & Content;
  responses: Record<string, { description: string } & Content>;
}

describe('the documentation', () => {
  let gateway: TestGateway;
  let document: {
    paths: Record<string, Record<string, Operation>>;
    components: { schemas: object; examples: Record<string, { value: unknown }> };
  };
  let text: string;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    const response = await request(gateway.server).get('/openapi.json').expect(200);
    document = response.body;
    text = response.text;
  });
  afterAll(() => gateway?.stop());

  const operationOf = (name: string, method: string, path: string): Operation => {
    const operation = document.paths[path]?.[method.toLowerCase()];
    expect(operation?.operationId).toBe(name);
    return operation as Operation;
  };

  it('has every endpoint of the contract, with its parameters and errors', () => {
    for (const [name, endpoint] of Object.entries<Endpoint>(rest)) {
      const operation = document.paths[`/v1${endpoint.path}`]?.[endpoint.method.toLowerCase()];
      expect(operation?.operationId).toBe(name);
      const { parameters, requestBody, responses } = operation as Operation;
      for (const [, parameter] of endpoint.path.matchAll(/\{(\w+)\}/g)) {
        expect(parameters).toContainEqual(
          expect.objectContaining({ name: parameter, in: 'path', required: true }),
        );
      }
      for (const key of Object.keys(endpoint.query?.shape ?? {})) {
        expect(parameters).toContainEqual(expect.objectContaining({ name: key, in: 'query' }));
      }
      expect(requestBody !== undefined).toBe(endpoint.body !== undefined);
      expect(responses).toHaveProperty(String(endpoint.status));
      for (const code of [...endpoint.errors, 'UNAUTHENTICATED'] as const) {
        expect(responses[errorCatalogue[code].http]?.description).toContain(`\`${code}\``);
      }
    }
  });

  it('has what takes and answers other than JSON, too', () => {
    const control = document.paths[VNET_CONTROL_PATH];
    expect(control?.post?.requestBody).toEqual({
      required: true,
      content: { 'text/plain': expect.anything() },
    });
    expect(control?.post?.responses[400]?.description).toContain('`VNET_CONTROL_INVALID`');
    expect(document.paths[CAPTURE_PATH]?.get?.parameters.map(({ name }) => name)).toEqual(
      Object.keys(captureQuery.shape),
    );
    expect(document.paths[TRACE_PATH]?.get?.parameters.map(({ name }) => name)).toEqual(
      Object.keys(traceQuery.shape),
    );
    expect(document.paths[MIGRATION_WATCH_PATH]?.get?.responses[404]?.description).toContain(
      '`MIGRATION_NOT_FOUND`',
    );
  });

  it('says how a device is named in an address', () => {
    expect(document.paths['/v1/dmm/devices/{device}']?.get?.parameters).toContainEqual(
      expect.objectContaining({ name: 'device', description: expect.stringContaining('alpha%2Feth0') }),
    );
  });

  it('every endpoint of the contract is served', async () => {
    for (const [name, { method, path }] of Object.entries<Endpoint>(rest)) {
      const url = `/v1${path.replaceAll(/\{\w+\}/g, 'x')}`;
      const response = await gateway.call(method.toLowerCase() as 'get', url);
      expect([name, response.body.code]).not.toEqual([name, 'ROUTE_NOT_FOUND']);
    }
  });

  it('refers only to schemas that it has', () => {
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, target]) => target);
    expect(references.length).toBeGreaterThan(20);
    for (const target of new Set(references)) {
      expect(target).toMatch(/^#\/components\/(schemas|examples)\//);
      expect(document.components).toHaveProperty(
        String(target).replace('#/components/', '').replace('/', '.'),
      );
    }
  });

  it('has an example of each body that is sent and answered, which the contract takes', () => {
    const fits = (schema: z.ZodType | undefined, { example } = {} as { example?: unknown }) => {
      expect(example).toBeDefined();
      expect(schema?.safeParse(example).error?.issues ?? []).toEqual([]);
    };
    for (const [name, { method, path, body, response, status }] of Object.entries<Endpoint>(rest)) {
      const { requestBody, responses } = operationOf(name, method, `/v1${path}`);
      if (body) fits(body, requestBody?.content?.['application/json']);
      fits(response, responses[status]?.content?.['application/json']);
    }
    for (const [name, { method, path, answers, takes }] of Object.entries<RestStream>(restStreams)) {
      const { requestBody, responses } = operationOf(name, method, path);
      if (takes === 'text') fits(z.string(), requestBody?.content?.['text/plain']);
      const content = responses[method === 'PUT' ? 201 : 200]?.content;
      if ('json' in answers) fits(answers.json, content?.['application/json']);
      if ('lines' in answers) fits(answers.lines, content?.['application/x-ndjson']);
      if ('text' in answers) fits(z.string(), content?.['text/plain']);
    }
  });

  it('has an example of each failure', () => {
    for (const operation of Object.values(document.paths).flatMap(item => Object.values(item))) {
      const failures = Object.entries(operation.responses).filter(([status]) => /^[45]/.test(status));
      expect(failures).not.toEqual([]);
      for (const [status, { description, content }] of failures) {
        const examples = content?.['application/problem+json']?.examples ?? {};
        expect(Object.keys(examples)).toEqual([...description.matchAll(/`(\w+)`/g)].map(([, code]) => code));
        for (const [code, { $ref }] of Object.entries(examples)) {
          const value = document.components.examples[$ref.replace('#/components/examples/', '')]?.value;
          expect(problem.parse(value)).toMatchObject({ code, status: Number(status) });
        }
      }
    }
  });

  it('is complete without any other server', async () => {
    const page = await request(gateway.server).get('/docs').expect(200);
    const policy = page.headers['content-security-policy'];
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(page.headers['x-content-type-options']).toBe('nosniff');
    const assets = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => String(path));
    expect(assets).toContain('/docs/swagger-ui-bundle.js');
    for (const path of assets) {
      expect(path).toMatch(/^\//);
      await request(gateway.server).get(path).expect(200);
    }
    const { text: script } = await request(gateway.server).get('/docs/start.js').expect(200);
    expect(script).toContain("url: '/openapi.json'");
    expect(script).toContain('validatorUrl: null');
  });
});
