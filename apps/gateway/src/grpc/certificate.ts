import { experimental, type ServerCredentials } from '@grpc/grpc-js';
import type { TlsPair } from '../http/tls';

type Listener = experimental.IdentityCertificateUpdateListener;

/** The gateway's certificate for gRPC, which takes another one without a new port. */
export class Certificate implements experimental.CertificateProvider {
  private readonly listeners = new Set<Listener>();

  constructor(private pair: TlsPair) {}

  /** For connections that come from then on. */
  set(pair: TlsPair): void {
    this.pair = pair;
    for (const listener of this.listeners) this.tell(listener);
  }

  get credentials(): ServerCredentials {
    // The first is who tells the server's certificate (whatever its name says); of clients none is asked for.
    return experimental.createCertificateProviderServerCredentials(this, null, false);
  }

  addIdentityCertificateListener(listener: Listener): void {
    this.listeners.add(listener);
    // grpc-js hears what it is told only once it has added it: told at once, it would drop each connection.
    queueMicrotask(() => {
      if (this.listeners.has(listener)) this.tell(listener);
    });
  }

  removeIdentityCertificateListener(listener: Listener): void {
    this.listeners.delete(listener);
  }

  addCaCertificateListener(): void {}

  removeCaCertificateListener(): void {}

  private tell(listener: Listener): void {
    listener({ certificate: this.pair.cert, privateKey: this.pair.key });
  }
}
