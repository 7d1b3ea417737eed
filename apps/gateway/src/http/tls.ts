import { readFileSync } from 'node:fs';
import { Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import { Injectable, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { V3Error } from '@v3vee/contracts';
import { Config } from '@v3vee/service';
import { PinoLogger } from 'nestjs-pino';
import type { GatewayConfig } from '../config';

type TlsConfig = Pick<GatewayConfig, 'V3_TLS_CERT' | 'V3_TLS_KEY'>;

export interface TlsPair {
  cert: Buffer;
  key: Buffer;
}

/** @returns undefined where none is asked for @throws V3Error USAGE that says which file is wrong, and how */
export function readTls(config: TlsConfig): TlsPair | undefined {
  const { V3_TLS_CERT: certFile, V3_TLS_KEY: keyFile } = config;
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    const [there, missing] = certFile === undefined ? ['KEY', 'CERT'] : ['CERT', 'KEY'];
    throw new V3Error('USAGE', `V3_TLS_${there} is set, so V3_TLS_${missing} has to be, too`);
  }
  const pair = { cert: read('V3_TLS_CERT', certFile), key: read('V3_TLS_KEY', keyFile) };
  try {
    createSecureContext(pair);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new V3Error('USAGE', `${certFile} and ${keyFile} are no PEM certificate and its key: ${why}`, {
      cause,
    });
  }
  return pair;
}

function read(variable: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new V3Error('USAGE', `${variable}: ${(cause as Error).message}`, { cause });
  }
}

/** A certificate is renewed before it expires: SIGHUP has the files read again, for connections that come then. */
@Injectable()
export class TlsRenewal implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly onSignal = () => this.renew();
  private readonly others: ((pair: TlsPair) => void)[] = [];

  constructor(
    private readonly adapter: HttpAdapterHost,
    @Config() private readonly config: GatewayConfig,
    private readonly log: PinoLogger,
  ) {
    log.setContext(TlsRenewal.name);
  }

  onApplicationBootstrap(): void {
    if (this.config.V3_TLS_CERT !== undefined) process.on('SIGHUP', this.onSignal);
  }

  onApplicationShutdown(): void {
    process.off('SIGHUP', this.onSignal);
  }

  /** Who else serves with the certificate. */
  follow(take: (pair: TlsPair) => void): void {
    this.others.push(take);
  }

  /** What is wrong with the new files is said in the log; the old ones stay in force. */
  renew(): void {
    try {
      const pair = readTls(this.config);
      if (pair) {
        (this.adapter.httpAdapter.getHttpServer() as Server).setSecureContext(pair);
        for (const take of this.others) take(pair);
      }
      this.log.info('the certificate was read again');
    } catch (error) {
      this.log.error({ err: error }, 'the certificate was not renewed');
    }
  }
}
