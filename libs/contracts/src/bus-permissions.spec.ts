import * as contracts from '.';
import { busUsers, OPERATOR, rawSubjects } from '.';

/** Every call and announcement of the contract, as a subject of NATS. */
function contractSubjects(): string[] {
  const found = new Set<string>();
  const look = (value: unknown): void => {
    if (value === null || typeof value !== 'object') return;
    const { subject } = value as { subject?: unknown };
    if (typeof subject === 'string') found.add(subject);
  };
  for (const value of Object.values(contracts)) {
    look(value);
    if (value !== null && typeof value === 'object') Object.values(value).forEach(look);
  }
  return [...found];
}

/** Whether a NATS subject with wildcards takes in another. */
function covers(pattern: string, subject: string): boolean {
  const [words, others] = [pattern.split('.'), subject.split('.')];
  for (const [i, word] of words.entries()) {
    if (word === '>') return others.length > i;
    if (others[i] === undefined || (word !== '*' && word !== others[i])) return false;
  }
  return words.length === others.length;
}

const hosts = ['alpha', 'beta'];
const users = busUsers(hosts).filter(({ user }) => user !== OPERATOR);
const may = (what: 'publish' | 'subscribe', subject: string) =>
  users.filter(user => user[what].some(pattern => covers(pattern, subject))).map(({ user }) => user);

describe('who may say what on the bus', () => {
  it('names for every call and announcement who says and who hears it', () => {
    const subjects = contractSubjects();
    expect(subjects.length).toBeGreaterThan(80);
    for (const subject of subjects) {
      const ofAlpha = subject.replace('{host}', 'alpha');
      expect([ofAlpha, may('publish', ofAlpha).length > 0]).toEqual([ofAlpha, true]);
      expect([ofAlpha, may('subscribe', ofAlpha).length > 0]).toEqual([ofAlpha, true]);
    }
  });

  it('lets nobody be another host: what beta’s processes say and hear of alpha is what any host may', () => {
    const isShared = /^(vnet\.frames\.host|wifi\.host|migration|palacios)\.alpha(\..*)?$/;
    const subjects = [
      ...contractSubjects().map(subject => subject.replace('{host}', 'alpha')),
      ...Object.values(rawSubjects).map(of => (of as (host: string, id: string) => string)('alpha', 'id')),
    ].filter(subject => subject.split('.').includes('alpha'));
    for (const subject of subjects) {
      const said = may('publish', subject).filter(user => user.endsWith('-beta'));
      expect([subject, said.length > 0 && !isShared.test(subject)]).toEqual([subject, false]);
      const heard = may('subscribe', subject).filter(user => user.endsWith('-beta'));
      expect([subject, heard]).toEqual([subject, subject === 'event.vm.alpha' ? ['palacios-beta'] : []]);
    }
    expect(may('publish', 'palacios.alpha.migration.prepare')).toEqual(['palacios-alpha', 'palacios-beta']);
    expect(may('publish', 'palacios.alpha.vm.memory.write')).toEqual(['gateway']);
    expect(may('publish', 'palacios.alpha.vpio.switch')).toEqual(['dmm']);
    expect(may('publish', 'vnet.route.alpha')).toEqual(['vnet']);
    expect(may('publish', 'wifi.radio.alpha')).toEqual(['palacios-alpha']);
    expect(may('subscribe', 'console.alpha.id.in')).toEqual(['palacios-alpha']);
    expect(may('subscribe', 'console.alpha.id.out')).toEqual(['gateway']);
  });

  it('keeps answers to who asked', () => {
    for (const { user } of users) {
      expect(may('subscribe', `_INBOX.${user}.x`)).toEqual([user]);
      expect(may('publish', `_INBOX.${user}.x`)).toEqual(users.map(each => each.user));
    }
  });

  it('knows no subject that the contract does not', () => {
    const known = [
      ...contractSubjects().map(subject => subject.replace('{host}', '*')),
      ...Object.values(rawSubjects).map(of => (of as (host: string, id: string) => string)('*', '*')),
      '_INBOX.*.>',
      '_INBOX.>',
    ];
    for (const { user, publish, subscribe } of users) {
      for (const subject of [...publish, ...subscribe]) {
        expect([user, subject, known.some(pattern => covers(pattern, subject))]).toEqual([
          user,
          subject,
          true,
        ]);
      }
    }
  });
});
