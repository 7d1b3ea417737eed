import { MAX_OUTPUT_BYTES, toAgentRequest, toExecResult } from './exec';

const ended = (stdout: string | Buffer, stderr: string | Buffer = '') => ({
  exitCode: 0,
  signal: undefined,
  stdout: Buffer.from(stdout as string),
  stderr: Buffer.from(stderr as string),
  truncated: false,
});

describe('a command for the guest', () => {
  it('is split into program and arguments; its input comes as base64', () => {
    const request = { command: ['sh', '-c', 'cat'], input: 'AP8=', timeoutSeconds: 1.5 };
    expect(toAgentRequest(request)).toEqual({
      path: 'sh',
      args: ['-c', 'cat'],
      input: Buffer.from([0, 255]),
      timeoutMs: 1500,
    });
    expect(toAgentRequest({ command: ['true'], timeoutSeconds: 60 })).not.toHaveProperty('input');
  });
});

describe('what it ended with', () => {
  it('is text where it is UTF-8, else base64', () => {
    expect(toExecResult(ended('grüße\n', 'oh'))).toEqual({
      exitCode: 0,
      stdout: 'grüße\n',
      stderr: 'oh',
      encoding: 'utf8',
      truncated: false,
    });
    expect(toExecResult(ended(Buffer.from([0xff, 0]), 'oh'))).toMatchObject({
      stdout: '/wA=',
      stderr: 'b2g=',
      encoding: 'base64',
    });
  });

  it('tells a signal as shells do', () => {
    expect(toExecResult({ ...ended(''), exitCode: undefined, signal: 9 }).exitCode).toBe(137);
  });

  it('fits into a message, whatever the guest prints', () => {
    for (const fill of ['a', '\0', 'ü', '€', '😀', '"']) {
      const much = fill.repeat(600_000);
      for (const result of [
        toExecResult(ended(much, much)),
        toExecResult(ended(much)),
        toExecResult(ended('', much)),
      ]) {
        expect(result.truncated).toBe(true);
        expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThan(1_000_000);
      }
    }
  });

  it('is cut between characters and leaves room for what was printed on stderr', () => {
    const result = toExecResult(ended('€'.repeat(400_000), 'why it failed'));
    expect(result).toMatchObject({ stderr: 'why it failed', truncated: true, encoding: 'utf8' });
    expect(result.stdout).toMatch(/^€+$/);
    expect(Buffer.byteLength(result.stdout)).toBeGreaterThan(MAX_OUTPUT_BYTES - 20);
  });
});
