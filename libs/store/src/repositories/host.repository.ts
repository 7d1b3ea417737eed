import { DataSource, MoreThan, type EntityManager } from 'typeorm';
import { translating } from '../constraints';
import { HostEntity } from '../entities';
import type { PageOf } from '../page';
import { assertCards } from './cards';
import { assertRadios, forgetLostSnrs } from './radios';

export type HostRecord = Omit<HostEntity, 'createdAt' | 'cordoned'>;

export class HostRepository {
  constructor(private readonly dataSource: DataSource) {}

  private of(manager: EntityManager = this.dataSource.manager) {
    return manager.getRepository(HostEntity);
  }

  find(name: string, manager?: EntityManager): Promise<HostEntity | null> {
    return this.of(manager).findOneBy({ name });
  }

  /** By name. */
  list({ after, limit }: PageOf<string>): Promise<HostEntity[]> {
    return this.of().find({
      where: after === undefined ? {} : { name: MoreThan(after) },
      order: { name: 'ASC' },
      take: limit,
    });
  }

  all(): Promise<HostEntity[]> {
    return this.of().find({ order: { name: 'ASC' } });
  }

  /** @throws V3Error DEVICE_IN_USE when a physical NIC or a radio goes that a VM uses */
  async save(host: HostRecord): Promise<void> {
    await this.dataSource.transaction(async manager => {
      await this.of(manager).save({ ...host });
      await assertCards(manager, [host.name], 'DEVICE_IN_USE');
      await assertRadios(manager, [host.name], 'DEVICE_IN_USE');
      await forgetLostSnrs(manager);
    });
  }

  /** @returns false: there is no such host */
  async setCordoned(name: string, cordoned: boolean): Promise<boolean> {
    const { affected } = await this.of().update({ name }, { cordoned });
    return affected === 1;
  }

  /** @throws V3Error HOST_IN_USE while VMs are defined on it */
  async remove(name: string): Promise<void> {
    const detail = `host ${name} still has virtual machines; delete or move them first`;
    await translating(
      { vm_host_exists: ['HOST_IN_USE', detail], vm_owner_host_exists: ['HOST_IN_USE', detail] },
      () =>
        this.dataSource.transaction(async manager => {
          await this.of(manager).delete({ name });
          await forgetLostSnrs(manager);
        }),
    );
  }
}
