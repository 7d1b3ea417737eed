import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { snapshotLabel, V3Error, type SnapshotLabel } from '@v3vee/contracts';
import { PageStore, readLabel } from '@v3vee/page-store';
import { Config } from '@v3vee/service';
import { labelOf, type SnapshotEntity } from '@v3vee/store';
import type { GatewayConfig } from '../config';

/** Exports under way at a time: each has every pack open that it needs. */
const MAX_OPEN = 4;

/** Snapshots as files: reads the folder that the hosts share, and writes nothing there. */
@Injectable()
export class SnapshotFiles {
  private open = 0;

  constructor(@Config() private readonly config: GatewayConfig) {}

  /** One file, which is whole only if it ends well. @throws V3Error SERVICE_UNAVAILABLE, STATE_CORRUPT, also in the middle */
  async *export(snapshot: SnapshotEntity): AsyncGenerator<Buffer> {
    if (this.open >= MAX_OPEN) {
      throw new V3Error(
        'SERVICE_UNAVAILABLE',
        `${MAX_OPEN} exports are under way; try again when one has ended`,
      );
    }
    this.open++;
    try {
      const folder = join(this.config.V3_STATE_DIR, 'states');
      const store = await PageStore.open({ folder, owner: 'gateway' });
      yield* store.exportTo(snapshot.digest, Buffer.from(JSON.stringify(labelOf(snapshot))));
    } finally {
      this.open--;
    }
  }

  /** What a file that was uploaded says of itself. @throws V3Error STATE_INVALID */
  async label(path: string): Promise<SnapshotLabel> {
    const file = (await open(path)).createReadStream();
    try {
      const label = await readLabel(file);
      const read = snapshotLabel.safeParse(JSON.parse(label.toString('utf8')));
      if (read.success) return read.data;
      throw read.error;
    } catch (thrown) {
      if (thrown instanceof V3Error) throw thrown;
      const detail = 'this is not a snapshot that "v3 snapshot export" made';
      throw new V3Error('STATE_INVALID', detail, { cause: thrown });
    } finally {
      file.destroy();
    }
  }
}
