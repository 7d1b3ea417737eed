/** A set of callbacks; `add` returns the function that removes. */
export class Listeners<A extends unknown[]> {
  private readonly callbacks = new Set<(...args: A) => void>();

  add(callback: (...args: A) => void): () => void {
    this.callbacks.add(callback);
    return () => this.callbacks.delete(callback);
  }

  get size(): number {
    return this.callbacks.size;
  }

  emit(...args: A): void {
    for (const callback of [...this.callbacks]) callback(...args);
  }
}
