import {
  BinaryReader,
  type IExportEntry,
  type IFunctionEntry,
  type IImportEntry,
  type IMemoryType,
  type ITableType,
  type ITypeEntry,
} from 'wasmparser';
import { BINARY_LIMITS } from '../limits';
import { unsigned } from './encode';
import { KITTEN_IMPORTS, WASI_MODULE, WASI_IMPORTS } from './imports';
import { readSections, SECTION } from './sections';

/** States of wasmparser's reader; its types have them as a const enum, which can't be used across packages. */
export const READER = {
  error: -1,
  typeEntry: 11,
  importEntry: 12,
  functionEntry: 13,
  tableEntry: 14,
  memoryEntry: 15,
  exportEntry: 17,
  beginFunction: 28,
  operator: 30,
  endFunction: 31,
} as const;
const KIND = { function: 0, memory: 2 } as const;

/** What a job needs to know of a binary before it runs. */
export interface CheckedBinary {
  sections: ReadonlyMap<number, Uint8Array>;
  /** How many parameters each type has that is a function's; of groups too. */
  parameters: readonly number[];
  /** The type of each function of its own. */
  functionTypes: readonly number[];
  importedFunctions: number;
  tables: readonly { initial: number; maximum?: number; entryType: number }[];
  /** WebAssembly pages that it wants at least. */
  memoryPages: number;
}

/** Why a binary can't be run. (The threads are spared the contracts: loading those takes longer than a binary.) */
export class InvalidBinary extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'InvalidBinary';
  }
}
const invalid = (why: string) => new InvalidBinary(why);

/**
 * Looks at a binary: a WebAssembly module that this engine takes, a WASI command, with one memory of its own and no
 * imports but WASI's and Kitten's functions.
 * @throws InvalidBinary that says what it has instead
 */
export function checkBinary(bytes: Uint8Array<ArrayBuffer>): CheckedBinary {
  if (Buffer.from(bytes.subarray(0, 4)).toString('latin1') !== '\0asm') {
    throw invalid('it is not a WebAssembly binary: that begins with the bytes 00 61 73 6d');
  }
  if (!WebAssembly.validate(bytes)) {
    throw invalid('it is not a valid WebAssembly module, or needs an extension that this engine has not got');
  }
  const sections = readSections(bytes);
  const tables: { initial: number; maximum?: number; entryType: number }[] = [];
  const memories: IMemoryType[] = [];
  const exported = new Set<string>();
  const parameters: number[] = [];
  const functionTypes: number[] = [];
  let importedFunctions = 0;
  read(
    sections,
    [SECTION.type, SECTION.import, SECTION.function, SECTION.table, SECTION.memory, SECTION.export],
    reader => {
      switch (reader.state as number) {
        case READER.typeEntry:
          parameters.push((reader.result as ITypeEntry).params?.length ?? 0);
          break;
        case READER.functionEntry:
          functionTypes.push((reader.result as IFunctionEntry).typeIndex);
          break;
        case READER.importEntry:
          checkImport(reader.result as IImportEntry);
          importedFunctions++;
          break;
        case READER.tableEntry: {
          const { limits, elementType } = reader.result as ITableType;
          tables.push({ ...limits, entryType: elementType.kind });
          break;
        }
        case READER.memoryEntry:
          memories.push(reader.result as IMemoryType);
          break;
        case READER.exportEntry: {
          const { field, kind } = reader.result as IExportEntry;
          exported.add(`${kind} ${Buffer.from(field).toString()}`);
        }
      }
    },
  );
  const [memory] = memories;
  if (!memory || memories.length > 1)
    throw invalid(`it has ${memories.length} memories; it needs one of its own`);
  if (!exported.has(`${KIND.memory} memory`)) throw invalid('it does not export its memory as "memory"');
  if (!exported.has(`${KIND.function} _start`)) {
    throw invalid('it does not export a function "_start"; a WASI command does, a library does not');
  }
  const entries = tables.reduce((sum, { initial }) => sum + initial, 0);
  if (entries > BINARY_LIMITS.tableEntries) {
    throw invalid(`its tables have ${entries} entries; at most ${BINARY_LIMITS.tableEntries} are taken`);
  }
  return {
    sections,
    parameters,
    functionTypes,
    importedFunctions,
    tables,
    memoryPages: memory.limits.initial,
  };
}

function checkImport({ module, field, kind }: IImportEntry): void {
  const [from, name] = [Buffer.from(module).toString(), Buffer.from(field ?? []).toString()];
  const known = from === WASI_MODULE ? WASI_IMPORTS : from === 'kitten' ? KITTEN_IMPORTS : undefined;
  if (known?.has(name) && (kind as number) === KIND.function) return;
  throw invalid(
    `it imports "${from.slice(0, 60)}" "${name.slice(0, 60)}"; what there is: the functions of ${WASI_MODULE}, and of kitten ` +
      [...KITTEN_IMPORTS].join(', '),
  );
}

/**
 * Reads some sections with wasmparser, entry by entry.
 * @throws InvalidBinary for what it does not know
 */
export function read(
  sections: ReadonlyMap<number, Uint8Array>,
  ids: readonly number[],
  entry: (reader: BinaryReader) => void,
): void {
  const chosen = ids.flatMap(id => {
    const content = sections.get(id);
    return content ? [Uint8Array.from([id, ...unsigned(content.length)]), content] : [];
  });
  const module = Buffer.concat([Buffer.from('\0asm\x01\0\0\0', 'latin1'), ...chosen]);
  const bytes = new Uint8Array(module);
  const reader = new BinaryReader();
  reader.setData(bytes.buffer, 0, bytes.length);
  try {
    while (reader.read()) {
      if ((reader.state as number) === READER.error) throw reader.error;
      entry(reader);
    }
  } catch (error) {
    if (error instanceof InvalidBinary) throw error;
    throw invalid(`it has something that this loader does not know: ${(error as Error).message}`);
  }
}
