import { StopRequests } from './stop-requests';

describe('StopRequests', () => {
  const said: string[] = [];
  const supervisor = { down: jest.fn(async () => {}), kill: jest.fn(), unfinished: ['palacios-alpha'] };
  beforeEach(() => {
    said.splice(0);
    jest.clearAllMocks();
  });

  it('stop in order, then say what is waited for, then kill', () => {
    const requests = new StopRequests(supervisor, text => said.push(text));
    requests.request();
    expect([supervisor.down.mock.calls.length, supervisor.kill.mock.calls.length, said]).toEqual([1, 0, []]);
    requests.request();
    expect(said).toEqual([expect.stringContaining('still stopping palacios-alpha')]);
    expect(requests.killed).toBe(false);
    requests.request();
    expect(supervisor.kill).toHaveBeenCalledTimes(1);
    expect(supervisor.down).toHaveBeenCalledTimes(1);
    expect(requests.killed).toBe(true);
  });

  it('comes when the command that runs it in the foreground dies, but not when it is detached', () => {
    const before = process.listeners('disconnect');
    const lose = () => {
      for (const listener of process.listeners('disconnect')) {
        if (!before.includes(listener)) (listener as () => void)();
      }
    };
    new StopRequests(supervisor, () => {}).listen(true);
    lose();
    expect(supervisor.down).not.toHaveBeenCalled();
    const foreground = new StopRequests(supervisor, () => {});
    foreground.listen(false);
    lose();
    expect(supervisor.down).toHaveBeenCalledTimes(1);
    lose(); // the stop goes on; it is no further request
    expect(supervisor.down).toHaveBeenCalledTimes(1);
    expect(said).toEqual([]);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'message', 'disconnect'])
      process.removeAllListeners(signal);
    for (const listener of before) process.on('disconnect', listener);
  });
});
