import { MOST_REDUCED } from '../limits';
import type { Communicator } from './communicator';
import type { RankSetup } from './protocol';
import { smartmap } from './smartmap';

const SUCCESS = 0;
/** WASI's numbers. */
const FAULT = 21;
const INVALID = 28;

/**
 * The module "kitten" of a native binary: who the rank is, a clock that costs little, and what ranks of one job do
 * together. Calls that can fail answer 0 or WASI's number of the error.
 *
 * ```
 *   rank() -> i32                    size() -> i32                 clock() -> f64, ns, only forward
 *   barrier()                        allreduce_sum(values i32, count i32) -> i32, of f64
 *   smartmap_read(address i64, to i32, bytes i32) -> i32, from whichever rank's memory
 *   smartmap_write(address i64, from i32, bytes i32) -> i32
 * ```
 */
export function kittenCalls(
  { memories, rank }: RankSetup,
  communicator: Communicator,
  wait: (action: () => void) => void,
): WebAssembly.ModuleImports {
  const memory = memories[rank] as WebAssembly.Memory;
  const fits = (pointer: number, length: number) => pointer + length <= memory.buffer.byteLength;
  const copy = (address: bigint, pointer: number, length: number, write: boolean): number => {
    const other = smartmap(memories, address, length >>> 0);
    if (!other || !fits(pointer >>> 0, length >>> 0)) return FAULT;
    const own = new Uint8Array(memory.buffer, pointer >>> 0, length >>> 0);
    if (write) other.set(own);
    else own.set(other);
    return SUCCESS;
  };
  return {
    rank: () => rank,
    size: () => memories.length,
    clock: () => performance.now() * 1e6,
    barrier: () => wait(() => communicator.barrier()),
    allreduce_sum(pointer: number, count: number): number {
      const values = count >>> 0;
      if (values > MOST_REDUCED) return INVALID;
      if (!fits(pointer >>> 0, values * 8)) return FAULT;
      wait(() => communicator.allreduceSum(new DataView(memory.buffer), pointer >>> 0, values));
      return SUCCESS;
    },
    smartmap_read: (address: bigint, to: number, length: number) => copy(address, to, length, false),
    smartmap_write: (address: bigint, from: number, length: number) => copy(address, from, length, true),
  };
}
