import { BLOCK_BYTES, Layer } from './layer';

/** Where a layer is, from the top of a disk downwards. */
export interface LayerFile {
  id: string;
  path: string;
}

/**
 * A disk as its layers make it: a block is that of the uppermost layer which has it, else zeroes. The top one is written,
 * unless the disk is read only; all others are frozen, and may be other disks' too. Memory: a bit for each block and
 * layer, and one block.
 */
export class LayeredDisk {
  private layers: Layer[] = [];
  private readonly block = new Uint8Array(BLOCK_BYTES);

  /** @param files at least one, unless the disk is read only. @throws V3Error STATE_CORRUPT */
  constructor(
    readonly bytes: number,
    files: readonly LayerFile[],
    private readonly readOnly: boolean,
  ) {
    this.become(files);
  }

  /** @param offset and length within the disk */
  read(offset: number, into: Uint8Array): void {
    for (let at = 0; at < into.length;) {
      const layer = this.layerOf(this.blockAt(offset + at));
      let end = this.endOfBlock(offset + at);
      while (end < offset + into.length && this.layerOf(this.blockAt(end)) === layer) end += BLOCK_BYTES;
      const part = into.subarray(at, Math.min(end - offset, into.length));
      if (layer) layer.read(offset + at, part);
      else part.fill(0);
      at += part.length;
    }
  }

  /** @throws with code ENOSPC, EDQUOT: some of it may be written */
  write(offset: number, from: Uint8Array): void {
    const top = this.top;
    for (let at = 0; at < from.length;) {
      const start = offset + at;
      const block = this.blockAt(start);
      const blockEnd = this.endOfBlock(start);
      const rest = from.length - at;
      if (start % BLOCK_BYTES === 0 && rest >= BLOCK_BYTES) {
        const part = from.subarray(at, at + rest - (rest % BLOCK_BYTES));
        top.write(start, part);
        at += part.length;
        continue;
      }
      const part = from.subarray(at, Math.min(at + blockEnd - start, from.length));
      if (top.has(block)) {
        top.write(start, part);
      } else {
        this.read(block * BLOCK_BYTES, this.block);
        this.block.set(part, start % BLOCK_BYTES);
        top.write(block * BLOCK_BYTES, this.block);
      }
      at += part.length;
    }
  }

  flush(): void {
    if (!this.readOnly) this.top.flush();
  }

  /**
   * Other layers take the place of the present ones. The top stays open where it is among them, with what is not durable
   * yet; if it is not the top any more, it is made durable first. All others may have been merged, and are opened anew.
   */
  become(files: readonly LayerFile[]): void {
    if (files[0]?.id !== this.layers[0]?.id && this.layers.length > 0) this.flush();
    const [top] = this.layers;
    const opened: Layer[] = [];
    try {
      const layers = files.map(({ id, path }, index) => {
        if (top && id === top.id) return top;
        const layer = Layer.open(path, id, this.bytes, index === 0 && !this.readOnly);
        opened.push(layer);
        return layer;
      });
      const kept = new Set(layers);
      for (const layer of this.layers) if (!kept.has(layer)) layer.close();
      this.layers = layers;
    } catch (thrown) {
      for (const layer of opened) layer.close();
      throw thrown;
    }
  }

  close(): void {
    for (const layer of this.layers.splice(0)) layer.close();
  }

  private get top(): Layer {
    const [top] = this.layers;
    if (!top || this.readOnly) throw new Error('the disk is read only');
    return top;
  }

  private layerOf(block: number): Layer | undefined {
    return this.layers.find(layer => layer.has(block));
  }

  private blockAt(offset: number): number {
    return Math.floor(offset / BLOCK_BYTES);
  }

  private endOfBlock(offset: number): number {
    return (this.blockAt(offset) + 1) * BLOCK_BYTES;
  }
}
