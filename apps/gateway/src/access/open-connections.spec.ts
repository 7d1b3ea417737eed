import { Socket } from 'node:net';
import { OpenConnections } from './open-connections';

const identity = { user: 'anna', role: 'operator', project: null, tokenId: 't1', expiresAt: null } as const;

describe('what a token has open', () => {
  it('ends when the token does, and nobody else’s', async () => {
    const connections = new OpenConnections();
    const [mine, other] = [new Socket(), new Socket()];
    await connections.enter(mine, async () => identity);
    await connections.enter(other, async () => ({ ...identity, tokenId: 't2' }));
    connections.close('t1');
    expect([mine.destroyed, other.destroyed]).toEqual([true, false]);
    other.destroy();
  });

  it('is not opened by what the token might do before it was closed', async () => {
    const connections = new OpenConnections();
    let isRevoked = false;
    const entering = connections.enter(new Socket(), async () => {
      if (isRevoked) throw new Error('revoked');
      // As it was found; before that is known here, the token ends.
      const found = await Promise.resolve(identity);
      isRevoked = true;
      connections.close('t1');
      return found;
    });
    await expect(entering).rejects.toThrow('revoked');
  });
});
