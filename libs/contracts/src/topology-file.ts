import { isMap, isPair, isScalar, LineCounter, parseDocument, type Document } from 'yaml';
import { V3Error, type FieldError } from './errors';
import { topology, type Topology } from './topology';
import { formatPath, issueToFields, summarise } from './validate';

/**
 * Parses and checks a cluster file. Every error carries the line and column it is at.
 * @throws V3Error CLUSTER_FILE_INVALID
 */
export function parseTopology(text: string, fileName = 'cluster.yaml'): Topology {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  if (document.errors.length > 0) {
    throw invalid(
      fileName,
      document.errors.map(error => ({
        path: '',
        message:
          error.code === 'DUPLICATE_KEY' ? `${error.message} (each name may be given once)` : error.message,
        ...at(error.pos[0]),
      })),
    );
  }
  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 100 });
  } catch (cause) {
    throw invalid(fileName, [{ path: '', message: (cause as Error).message, ...at(0) }]);
  }
  const result = topology.safeParse(content ?? {}, { reportInput: true });
  if (result.success) return result.data;
  throw invalid(
    fileName,
    result.error.issues.flatMap(issueToFields).map(({ path, message, atKey }) => ({
      path: formatPath(path),
      message,
      ...at(offsetOf(document, path, atKey)),
    })),
  );
}

/**
 * Adds line and column to mistakes that only the cluster could find (an image it does not have), so that they read as
 * those of `parseTopology`.
 */
export function locateInFile(error: V3Error, text: string, fileName = 'cluster.yaml'): V3Error {
  if (error.code !== 'CLUSTER_FILE_INVALID' || !error.fields?.length) return error;
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const fields = error.fields.map(field => {
    const { line, col } = lines.linePos(offsetOf(document, parsePath(field.path)));
    return { ...field, line, column: col };
  });
  return invalid(fileName, fields);
}

/** `vms.a1.nics[0].mac` → `['vms', 'a1', 'nics', 0, 'mac']`. */
function parsePath(path: string): PropertyKey[] {
  return [...path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, name]) =>
    index === undefined ? (name as string) : Number(index),
  );
}

function invalid(fileName: string, fields: FieldError[]): V3Error {
  return new V3Error('CLUSTER_FILE_INVALID', `${fileName}: ${summarise(fields)}`, { fields });
}

/** Where in the text a path points: at its key where it exists, else at the nearest parent that does. */
function offsetOf(document: Document, path: PropertyKey[], atKey = false): number {
  for (let length = path.length; length > 0; length--) {
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const last = path[length - 1];
    if (isMap(parent)) {
      const pair = parent.items.find(
        item => isPair(item) && isScalar(item.key) && String(item.key.value) === String(last),
      );
      if (pair && isScalar(pair.key) && pair.key.range) {
        const value = pair.value;
        // A wrong value is marked where it stands; a wrong key or a missing child at the key.
        return length === path.length && !atKey && isScalar(value) && value.range
          ? value.range[0]
          : pair.key.range[0];
      }
    }
    const node = document.getIn(path.slice(0, length), true) as
      { range?: [number, number, number] } | undefined;
    if (node?.range) return node.range[0];
  }
  return 0;
}
