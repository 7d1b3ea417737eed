import {
  CAPTURE_PATH,
  captureQuery,
  errorCatalogue,
  MIGRATION_WATCH_PATH,
  rest,
  TRACE_PATH,
  traceQuery,
  VNET_CONTROL_PATH,
  type Endpoint,
} from '@v3vee/contracts';
import request from 'supertest';
import { TestGateway } from '../testing/test-gateway.fixture';

interface Operation {
  operationId: string;
  parameters: { name: string; in: string; required: boolean }[];
  requestBody?: { required: boolean };
  responses: Record<string, { description: string }>;
}

describe('the documentation', () => {
  let gateway: TestGateway;
  let document: { paths: Record<string, Record<string, Operation>>; components: { schemas: object } };
  let text: string;
  beforeAll(async () => {
    gateway = await TestGateway.start();
    const response = await request(gateway.server).get('/openapi.json').expect(200);
    document = response.body;
    text = response.text;
  });
  afterAll(() => gateway?.stop());

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
      expect(target).toMatch(/^#\/components\/schemas\//);
      expect(document.components.schemas).toHaveProperty(String(target).replace('#/components/schemas/', ''));
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
