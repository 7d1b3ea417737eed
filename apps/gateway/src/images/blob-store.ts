import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Injectable, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { MAX_BLOB_BYTES, V3Error } from '@v3vee/contracts';
import { Config } from '@v3vee/service';
import { PinoLogger } from 'nestjs-pino';
import type { GatewayConfig } from '../config';

const HOUR = 3_600_000;
/** An upload that no import took within this time is removed. */
const KEPT_MS = 24 * HOUR;
const digestName = /^[0-9a-f]{64}$/;

/** Uploaded files on their way into an image or a snapshot, by their sha256. */
@Injectable()
export class BlobStore implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly folder: string;
  private sweeper: NodeJS.Timeout | undefined;

  constructor(
    @Config() config: GatewayConfig,
    private readonly log: PinoLogger,
  ) {
    this.folder = join(config.V3_STATE_DIR, 'blobs');
    log.setContext(BlobStore.name);
  }

  async onApplicationBootstrap(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    // Nobody uploads yet, so a part is of an earlier process.
    await this.sweep(name => name.endsWith('.part'));
    this.sweeper = setInterval(() => void this.sweep(() => false), HOUR).unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.sweeper);
  }

  /**
   * @param declaredBytes of the request's header, if it has one: too much is refused before it is sent
   * @throws V3Error INVALID_REQUEST, BODY_TOO_LARGE, BLOB_CORRUPT, STORAGE_FULL
   */
  async put(digest: string, content: Readable, declaredBytes?: number): Promise<{ bytes: number }> {
    if (!digestName.test(digest)) {
      throw new V3Error(
        'INVALID_REQUEST',
        'a blob is addressed by its sha256: 64 lower-case hexadecimal digits',
      );
    }
    if (declaredBytes !== undefined && declaredBytes > MAX_BLOB_BYTES) throw tooLarge();
    const part = join(this.folder, `${digest}.${randomUUID()}.part`);
    const hash = createHash('sha256');
    let bytes = 0;
    const measure = async function* (source: AsyncIterable<Buffer>) {
      for await (const chunk of source) {
        bytes += chunk.length;
        if (bytes > MAX_BLOB_BYTES) throw tooLarge();
        hash.update(chunk);
        yield chunk;
      }
    };
    try {
      await pipeline(content, measure, createWriteStream(part, { flags: 'wx', mode: 0o600 }));
      const actual = hash.digest('hex');
      if (actual !== digest) {
        throw new V3Error(
          'BLOB_CORRUPT',
          `the ${bytes} bytes have sha256 ${actual}, not ${digest}; send them again`,
        );
      }
      await rename(part, join(this.folder, digest));
    } catch (thrown) {
      await rm(part, { force: true });
      if ((thrown as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE') {
        throw new V3Error('BLOB_CORRUPT', `the upload broke off after ${bytes} bytes`, { cause: thrown });
      }
      throw thrown;
    }
    return { bytes };
  }

  /** @param most bytes that it may have. @throws V3Error BLOB_NOT_FOUND, BODY_TOO_LARGE */
  async path(digest: string, most = MAX_BLOB_BYTES): Promise<string> {
    const path = join(this.folder, digest);
    const { size } = await stat(path).catch(cause => {
      const detail = `there is no blob ${digest}; upload it with PUT /v1/blobs/${digest} first`;
      throw new V3Error('BLOB_NOT_FOUND', detail, { cause });
    });
    if (size > most) throw tooLarge(most);
    return path;
  }

  /** Once it has become what it was for. */
  async remove(digest: string): Promise<void> {
    await rm(join(this.folder, digest), { force: true });
  }

  private async sweep(isLeft: (name: string) => boolean): Promise<void> {
    try {
      for (const name of await readdir(this.folder)) {
        const path = join(this.folder, name);
        const old = (await stat(path)).mtimeMs < Date.now() - KEPT_MS;
        if (old || isLeft(name)) await rm(path, { force: true });
      }
    } catch (error) {
      this.log.warn({ err: error }, 'old uploads were not removed');
    }
  }
}

const tooLarge = (most = MAX_BLOB_BYTES) =>
  new V3Error('BODY_TOO_LARGE', `it may have at most ${most} bytes (${most / 1024 ** 2} MiB)`);
