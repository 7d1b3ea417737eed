import { DataSource } from 'typeorm';
import { storeError } from '../constraints';
import { DhcpLeaseEntity } from '../entities';

export interface DhcpLease {
  mac: string;
  /** `10.10.0.2` */
  address: string;
  expiresAt: Date;
}

/** Addresses lent by DHCP. Written by the vnet service only. */
export class DhcpLeaseRepository {
  constructor(private readonly dataSource: DataSource) {}

  /** Also those that have ended. */
  ofNetwork(networkId: string): Promise<DhcpLease[]> {
    return this.dataSource
      .getRepository(DhcpLeaseEntity)
      .find({ where: { networkId }, select: { mac: true, address: true, expiresAt: true } });
  }

  /**
   * Replaces what the client had and who had the address. Of a network that was deleted meanwhile nothing is
   * written.
   * @throws V3Error SERVICE_UNAVAILABLE
   */
  async save(networkId: string, { mac, address, expiresAt }: DhcpLease): Promise<void> {
    try {
      await this.dataSource.transaction(async manager => {
        await manager.query('DELETE FROM dhcp_lease WHERE network_id = $1 AND address = $2 AND mac <> $3', [
          networkId,
          address,
          mac,
        ]);
        await manager.query(
          `INSERT INTO dhcp_lease (network_id, mac, address, expires_at)
           SELECT id, $2, $3, $4 FROM network WHERE id = $1
           ON CONFLICT (network_id, mac) DO UPDATE SET
             address = excluded.address, expires_at = excluded.expires_at`,
          [networkId, mac, address, expiresAt],
        );
      });
    } catch (thrown) {
      throw storeError(thrown);
    }
  }
}
