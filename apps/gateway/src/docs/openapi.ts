import { exampleOf, namedSchemas as named, rest, type Access, type Endpoint } from '@v3vee/contracts';
import { z } from 'zod';
import { bytePaths } from './byte-paths';
import {
  common,
  json,
  problemExamples,
  problemResponses,
  queryParameters,
  reference,
  type Json,
} from './responses';

/** Path parameters that are not just a name or an id. */
const described: Record<string, string> = {
  device: '`HOST/NIC` with its slash percent-encoded: `alpha%2Feth0`',
  radio: '`HOST/RADIO` with its slash percent-encoded: `alpha%2Fradio0`',
};

/**
 * The OpenAPI 3.1 document of the REST interface, from the contract's table. Schemas describe what a client
 * sends; what it gets is the same with the defaults filled in.
 */
export function openApiDocument(): Json {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const endpoints = Object.entries<Endpoint>(rest);
  for (const [name, { query, body, response }] of endpoints) {
    // In the registry too, so that what they contain is referred to by name.
    for (const [part, schema] of Object.entries({ Query: query, Body: body, Response: response })) {
      if (schema && !registry.has(schema)) registry.add(schema, { id: `${name}${part}` });
    }
  }
  const { schemas } = z.toJSONSchema(registry, {
    io: 'input',
    target: 'draft-2020-12',
    unrepresentable: 'any',
    uri: reference,
  });
  const describe = (schema: z.ZodType): Json => {
    const id = registry.get(schema)?.id ?? '';
    return id in named ? { $ref: reference(id) } : bare(schemas[id] as Json);
  };

  const paths: Record<string, Json> = {};
  for (const [name, endpoint] of endpoints) {
    const path = `/v1${endpoint.path}`;
    (paths[path] ??= {})[endpoint.method.toLowerCase()] = operationObject(name, endpoint, describe);
  }
  Object.assign(paths, bytePaths());
  const components = Object.keys(named).map(name => [name, bare(schemas[name] as Json)]);
  return {
    openapi: '3.1.0',
    info: {
      title: 'V3VEE',
      version: '1',
      description:
        'A virtualised cluster in a box. Lists are paged (`pageSize`, `pageToken`), what takes long answers ' +
        'with an operation, `requestId` makes a repeat safe, errors are `application/problem+json` with a ' +
        'stable `code`. A VM’s console is a WebSocket at `/v1/vms/{vm}/console`; a browser offers the protocols ' +
        '`v3.console` and `v3.token.<token>`. Requests of pages of other origins are refused.',
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths,
    components: {
      schemas: Object.fromEntries(components) as Json,
      examples: problemExamples(),
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function operationObject(name: string, endpoint: Endpoint, describe: (schema: z.ZodType) => Json): Json {
  const { path, query, body, response, status, errors, summary, tag, access } = endpoint;
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(match => ({
    name: match[1],
    in: 'path',
    required: true,
    ...(described[match[1] as string] ? { description: described[match[1] as string] } : {}),
    schema: { type: 'string' },
  }));
  return {
    operationId: name,
    summary,
    description: whoMay(access),
    tags: [tag],
    parameters: [...inPath, ...(query ? queryParameters(describe(query)) : [])],
    ...(body
      ? {
          requestBody: {
            required: !body.safeParse(undefined).success,
            content: json(describe(body), exampleOf(body)),
          },
        }
      : {}),
    responses: {
      // With its defaults filled in, as it is answered.
      [status]: {
        description: 'OK',
        content: json(describe(response), response.parse(exampleOf(response))),
      },
      ...problemResponses([...errors, ...common]),
    },
  };
}

function whoMay([least, scope]: Access): string {
  const confined = scope === 'cluster' ? ', unless confined to a project' : '';
  return `For ${least === 'admin' ? 'admins' : `each ${least}, and who may do more`}${confined}.`;
}

/** Inside the document a schema needs no identity of its own. */
function bare({ $schema: _, $id: __, ...schema }: Json): Json {
  return schema;
}
