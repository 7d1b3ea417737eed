import {
  defaultNicSettings,
  topology,
  V3Error,
  yieldSettings,
  type CardModel,
  type PhysicalNic,
  type Topology,
} from '@v3vee/contracts';
import type { VmDefinition } from '@v3vee/store';
import type { VmCondition } from '../vms/vm-view';
import { planCluster, type Present } from './plan';

const created = new Date(0);
const lan = {
  id: 'net-1',
  name: 'lan',
  project: 'default',
  vni: 1,
  subnet: '10.0.0.0/24',
  dhcp: false,
  dns: false,
  managed: true,
  createdAt: created,
};
const alpha = {
  name: 'alpha',
  memoryMiB: 1024,
  cores: 8,
  nics: [],
  radios: [],
  cordoned: false,
  createdAt: created,
};
const a1: VmDefinition = {
  id: 'vm-1',
  name: 'a1',
  project: 'default',
  host: 'alpha',
  ownerHost: 'alpha',
  epoch: 1,
  memoryMiB: 64,
  image: 'debian',
  autostart: true,
  boot: 'template',
  failover: 'none',
  checkpointEvery: null,
  yield: yieldSettings.parse({}),
  devices: [],
  managed: true,
  createdAt: created,
  updatedAt: created,
  wifi: [],
  disks: [],
  nics: [
    {
      index: 0,
      networkId: 'net-1',
      network: 'lan',
      vni: 1,
      mac: '02:00:00:00:00:01',
      ip: '10.0.0.1/24',
      dhcp: false,
      dns: null,
      settings: defaultNicSettings,
      device: null,
      access: null,
      model: null,
    },
  ],
};
const running: VmCondition = { state: 'RUNNING', reason: '', fresh: false };
const stopped: VmCondition = { state: 'STOPPED', reason: '', fresh: false };
const never: VmCondition = { state: 'STOPPED', reason: '', fresh: true };

const file = (vms: object, more: object = {}): Topology =>
  topology.parse({ hosts: { alpha: null }, networks: { lan: { subnet: '10.0.0.0/24' } }, vms, ...more });
const declared = { host: 'alpha', nics: [{ network: 'lan', ip: '10.0.0.1/24' }] };
const present = (
  condition: VmCondition,
  vm: Partial<VmDefinition> = {},
  more: Partial<Present> = {},
): Present => ({
  hosts: [alpha],
  networks: [lan],
  vms: [{ vm: { ...a1, ...vm }, condition }],
  ...more,
});
const nothing = {
  saveHosts: [],
  removeHosts: [],
  createNetworks: [],
  updateNetworks: [],
  removeNetworks: [],
  removeVms: [],
  moveVms: [],
  updateVms: [],
  setNics: [],
  createVms: [],
  startVms: [],
};

describe('the plan of a cluster', () => {
  it('is empty when all is as declared; a MAC that is not declared is right as it is', () => {
    expect(planCluster(file({ a1: declared }), present(running))).toEqual(nothing);
  });

  it('leaves a VM stopped that its user stopped, and starts one that never ran', () => {
    expect(planCluster(file({ a1: declared }), present(stopped))).toEqual(nothing);
    expect(planCluster(file({ a1: declared }), present(never))).toEqual({ ...nothing, startVms: ['a1'] });
    const manual = file({ a1: { ...declared, autostart: false } });
    expect(planCluster(manual, present(never, { autostart: false }))).toEqual(nothing);
  });

  it('creates what is not there', () => {
    const plan = planCluster(file({ a1: declared }), { hosts: [], networks: [], vms: [] });
    expect(plan).toMatchObject({
      saveHosts: [{ host: { name: 'alpha', memoryMiB: 1024 }, isNew: true, detail: '1024 MiB, 8 cores' }],
      createNetworks: [{ name: 'lan', subnet: '10.0.0.0/24' }],
      createVms: [{ name: 'a1', memoryMiB: 64, nics: declared.nics }],
      startVms: ['a1'],
    });
  });

  it('removes what is no longer declared, and nothing made by hand', () => {
    expect(planCluster(file({}), present(running))).toEqual({
      ...nothing,
      removeVms: [{ vm: a1, live: true }],
    });
    expect(planCluster(file({}), present(running, { managed: false }))).toEqual(nothing);
    const bare = file({}, { networks: {} });
    expect(planCluster(bare, present(stopped)).removeNetworks).toEqual([lan]);
    const byHand = present(stopped, {}, { networks: [{ ...lan, managed: false }] });
    expect(planCluster(bare, byHand).removeNetworks).toEqual([]);
  });

  it.each([
    [{ memory: '128MiB' }, 'memoryMiB 64 → 128'],
    [{ image: 'other' }, 'image debian → other'],
    [{ nics: [] }, 'NICs'],
    [{ nics: [{ network: 'lan', ip: '10.0.0.2/24' }] }, 'NICs'],
    [{ nics: [{ network: 'lan', ip: '10.0.0.1/24', mac: '02:00:00:00:00:09' }] }, 'NICs'],
  ])('stops a running VM for %j, and starts it again', (change, detail) => {
    const plan = planCluster(file({ a1: { ...declared, ...change } }), present(running));
    expect(plan.updateVms).toMatchObject([{ vm: a1, detail, stop: true }]);
    expect(plan.startVms).toEqual(['a1']);
  });

  it.each([
    [{ boot: 'cold' }, 'boot template → cold'],
    [{ failover: 'checkpoint' }, 'failover none → checkpoint every 30 s'],
    [{ autostart: false }, 'autostart true → false'],
  ])('changes %j under a running VM, whose NICs it does not touch', (change, detail) => {
    const plan = planCluster(file({ a1: { ...declared, ...change } }), present(running));
    expect(plan.updateVms).toMatchObject([{ detail, stop: false }]);
    expect(plan.updateVms[0]?.patch).not.toHaveProperty('nics');
    expect(plan.startVms).toEqual([]);
  });

  describe('of a VM that is declared on another host', () => {
    const hosts = { alpha: null, beta: null };
    const beta = { ...alpha, name: 'beta' };
    const both = { hosts: [alpha, beta] };
    const plan = (condition: VmCondition, change: object = {}) =>
      planCluster(
        file({ a1: { ...declared, host: 'beta', ...change } }, { hosts }),
        present(condition, {}, both),
      );

    it('moves it as it runs, or is paused, and changes what else is changed without a stop', () => {
      const move = { vm: a1, target: 'beta', cards: new Map() };
      expect(plan(running)).toEqual({ ...nothing, moveVms: [move] });
      expect(plan({ ...running, state: 'PAUSED' })).toEqual({ ...nothing, moveVms: [move] });
      const { moveVms, updateVms, ...rest } = plan(running, { boot: 'cold' });
      expect(moveVms).toEqual([move]);
      expect(updateVms).toMatchObject([
        { vm: { ownerHost: 'beta' }, patch: { boot: 'cold' }, stop: false, detail: 'boot template → cold' },
      ]);
      expect(rest).toMatchObject({ startVms: [], setNics: [] });
    });

    it('changes it by a stop where the machine is to be another one, or there is none to move', () => {
      expect(plan(running, { memory: 128 })).toMatchObject({
        moveVms: [],
        updateVms: [{ detail: 'host alpha → beta, memoryMiB 64 → 128', stop: true }],
        startVms: ['a1'],
      });
      expect(plan(stopped)).toMatchObject({ moveVms: [], updateVms: [{ stop: false }] });
      expect(plan({ ...stopped, state: 'ERROR' })).toMatchObject({
        moveVms: [],
        updateVms: [{ stop: true }],
      });
    });
  });

  it('starts a stopped VM that was changed and starts by itself', () => {
    const change = (more: object) => planCluster(file({ a1: { ...declared, ...more } }), present(stopped));
    expect(change({ memory: 128 })).toMatchObject({ updateVms: [{ stop: false }], startVms: ['a1'] });
    expect(change({ memory: 128, autostart: false }).startVms).toEqual([]);
  });

  it('adopts what was made by hand under a declared name', () => {
    const plan = planCluster(file({ a1: declared }), present(running, { managed: false }));
    expect(plan.updateVms).toMatchObject([{ detail: 'now managed by the cluster file', stop: false }]);
    const networks = present(running, {}, { networks: [{ ...lan, managed: false }] });
    expect(planCluster(file({ a1: declared }), networks).updateNetworks).toMatchObject([
      { changes: { managed: true }, detail: 'now managed by the cluster file' },
    ]);
  });

  it('compares hosts by content, whatever the order of keys', () => {
    const nics = [{ mac: '02:00:00:00:00:aa', model: 'ne2000' as const, name: 'eth0' }];
    const hosts = { alpha: { nics: [{ name: 'eth0', model: 'ne2000', mac: '02:00:00:00:00:AA' }] } };
    const same = present(running, {}, { hosts: [{ ...alpha, nics }] });
    expect(planCluster(file({ a1: declared }, { hosts }), same)).toEqual(nothing);
    expect(planCluster(file({ a1: declared }, { hosts }), present(running)).saveHosts).toMatchObject([
      { isNew: false, detail: 'physical NICs' },
    ]);
  });

  describe('with physical NICs', () => {
    const eth0: PhysicalNic = { name: 'eth0', model: 'rtl8139', network: 'lan' };
    const eth1: PhysicalNic = { ...eth0, name: 'eth1' };
    const onCard = {
      index: 0,
      networkId: 'net-1',
      network: 'lan',
      vni: 1,
      mac: '02:00:00:00:00:01',
      ip: null,
    };
    const nic = (device: string, model: CardModel = 'rtl8139'): VmDefinition['nics'][number] => ({
      ...{ ...onCard, dhcp: false, dns: null, settings: defaultNicSettings },
      ...{ device, access: 'vpio', model },
    });
    const cluster = (cards: PhysicalNic[], vms: object) =>
      file(vms, {
        hosts: { alpha: { nics: cards } },
        networks: { lan: { subnet: '10.0.0.0/24' }, wan: null },
      });
    const there = (cards: PhysicalNic[], vm: Partial<VmDefinition>) =>
      present(running, vm, {
        hosts: [{ ...alpha, nics: cards }],
        networks: [lan, { ...lan, id: 'net-2', name: 'wan', subnet: null }],
      });
    const wanted = (more: object = {}) => ({
      a1: { host: 'alpha', nics: [{ network: 'lan', device: 'eth0', ...more }] },
    });

    it('is empty when all is as declared, vpio being the default', () => {
      const same = there([eth0], { nics: [nic('eth0')] });
      expect(planCluster(cluster([eth0], wanted()), same)).toEqual(nothing);
      expect(planCluster(cluster([eth0], wanted({ access: 'vpio' })), same)).toEqual(nothing);
    });

    it.each([
      ['another access', [eth0], wanted({ access: 'emulated' })],
      ['another card', [eth0, eth1], wanted({ device: 'eth1' })],
      ['no card', [eth0], { a1: { host: 'alpha', nics: [{ network: 'lan' }] } }],
      ['a card of another model', [{ ...eth0, model: 'ne2000' as const }], wanted()],
    ])('stops a running VM for %s', (_, cards, vms) => {
      const plan = planCluster(cluster(cards, vms), there([eth0], { nics: [nic('eth0')] }));
      expect(plan.updateVms).toMatchObject([{ detail: 'NICs', stop: true, patch: { nics: vms.a1.nics } }]);
      expect(plan.startVms).toEqual(['a1']);
    });

    describe('of another host', () => {
      const beta = { ...alpha, name: 'beta' };
      const plan = (nics: PhysicalNic[], device: string, others: VmDefinition[] = [], access?: string) => {
        const vms = { a1: { host: 'beta', nics: [{ network: 'lan', device, ...(access && { access }) }] } };
        const hosts = { alpha: { nics: [eth0] }, beta: { nics } };
        const mine = { ...nic('eth0'), ...(access && { access: 'passthrough' as const }) };
        const there = present(
          running,
          { nics: [mine] },
          {
            hosts: [
              { ...alpha, nics: [eth0] },
              { ...beta, nics },
            ],
          },
        );
        there.vms.push(...others.map(vm => ({ vm, condition: running })));
        return planCluster(file(vms, { hosts }), there);
      };
      const other = (access: 'vpio' | 'passthrough'): VmDefinition => ({
        ...{ ...a1, id: 'vm-2', name: 'b1', ownerHost: 'beta', managed: false },
        nics: [{ ...nic('eth7'), mac: '02:00:00:00:00:02', access }],
      });
      const eth7: PhysicalNic = { ...eth0, name: 'eth7' };

      it('moves a VM that runs to a card of the same model, whatever that is called', () => {
        const cards = new Map([[0, 'eth7']]);
        expect(plan([eth7], 'eth7')).toEqual({ ...nothing, moveVms: [expect.objectContaining({ cards })] });
        expect(plan([eth7], 'eth7', [other('vpio')]).moveVms).toHaveLength(1);
      });

      it('stops it for one of another model', () => {
        expect(plan([{ ...eth7, model: 'ne2000' }], 'eth7')).toMatchObject({
          moveVms: [],
          updateVms: [{ detail: 'host alpha → beta, NICs', stop: true }],
        });
      });

      it('stops it for one that another VM has alone now, which that may leave with the same change', () => {
        const leaving = { ...other('passthrough'), managed: true };
        expect(plan([eth7], 'eth7', [leaving], 'passthrough')).toMatchObject({
          ...{ moveVms: [], updateVms: [{ stop: true }], removeVms: [{ vm: leaving }] },
        });
      });
    });

    it('keeps a card that goes until the VMs that use it are changed', () => {
      const plan = planCluster(
        cluster([eth1], wanted({ device: 'eth1' })),
        there([eth0], { nics: [nic('eth0')] }),
      );
      expect(plan.saveHosts).toMatchObject([
        { first: { nics: [eth1, eth0] }, host: { nics: [eth1] }, detail: 'physical NICs' },
      ]);
    });

    it.each([
      ['goes', [eth1], 'is not declared any more'],
      ['becomes another', [{ ...eth0, model: 'ne2000' as const }], 'is to become a ne2000'],
      ['is on another network', [{ ...eth0, network: 'wan' }], 'is to be on network wan'],
      ['has no cable', [{ name: 'eth0', model: 'rtl8139' as const }], 'is to have no cable'],
    ])('refuses that a card %s which a VM made by hand uses', (_, cards, words) => {
      const byHand = there([eth0], { managed: false, name: 'mine', nics: [nic('eth0')] });
      expect(() => planCluster(cluster(cards, {}), byHand)).toThrow(
        expect.objectContaining({
          code: 'DEVICE_IN_USE',
          message: `physical NIC alpha/eth0 ${words}, but mine/net0, made by hand, uses it; delete that VM or give it other NICs first`,
        }),
      );
      expect(planCluster(cluster(cards, {}), there([eth0], { nics: [nic('eth0')] })).removeVms).toHaveLength(
        1,
      );
    });

    it('refuses a card alone that a VM made by hand uses', () => {
      const byHand = there([eth0], { managed: false, name: 'mine', nics: [nic('eth0')] });
      expect(() => planCluster(cluster([eth0], wanted({ access: 'passthrough' })), byHand)).toThrow(
        expect.objectContaining({
          code: 'DEVICE_IN_USE',
          message: expect.stringContaining('a1/net0 has it by passthrough, for itself alone'),
        }),
      );
    });
  });

  it('refuses to take a host or a network from under a VM made by hand', () => {
    const code = (run: () => unknown) => {
      try {
        run();
      } catch (error) {
        return [(error as V3Error).code, (error as V3Error).message];
      }
      return undefined;
    };
    const beta = topology.parse({ hosts: { beta: null }, networks: { lan: { subnet: '10.0.0.0/24' } } });
    expect(code(() => planCluster(beta, present(stopped, { managed: false })))).toEqual([
      'HOST_IN_USE',
      expect.stringContaining(
        'host alpha is not declared any more, but has virtual machines made by hand: a1',
      ),
    ]);
    const bare = file({}, { networks: {} });
    expect(code(() => planCluster(bare, present(stopped, { managed: false })))).toEqual([
      'NETWORK_IN_USE',
      expect.stringContaining(
        'lan is not declared any more, but virtual machines made by hand are on it: a1',
      ),
    ]);
    expect(planCluster(beta, present(stopped)).removeHosts).toEqual(['alpha']);
  });
});
