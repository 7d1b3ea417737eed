/** Visits 0 … count - 1, and lets others have their turn on the event loop after every `size` of them. */
export async function sliced(count: number, size: number, visit: (index: number) => void): Promise<void> {
  for (let at = 0; at < count; at += size) {
    if (at > 0) await turn();
    for (let index = at; index < Math.min(count, at + size); index++) visit(index);
  }
}

export const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));
