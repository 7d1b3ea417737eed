import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { V3Error } from '@v3vee/contracts';
import { DeviceFault } from '@v3vee/devices';
import { GuestExit } from '../engine/guest-exit';
import { RunLoop } from '../engine/run-loop';
import { MachineError } from '../errors';
import { Arrivals } from './arrivals';
import { CardOutbox } from './cards';
import { CoreWord, type CoreState } from './core-word';
import { LeaseWord } from './lease-word';
import { LiveCopy } from './live/live-copy';
import type { ScanSlice } from './live/pages';
import { Machine } from './machine';
import { PanicWatch } from './panic-watch';
import type { Command, FromWorker, ToWorker, WireError, WorkerSetup } from './protocol';
import { SerialBuffer } from './serial-buffer';

/** Entry of a guest's thread: it owns one machine for all of its life and serves one handle ({@link Guest}). */

const port = parentPort!;
const setup = workerData as WorkerSetup;
const arrivals = new Arrivals(setup.wake);
const lease = setup.lease && new LeaseWord(setup.lease);
const coreWord = setup.core && new CoreWord(setup.core);
const post = (message: FromWorker, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

const enterCore = (state: CoreState) => {
  if (coreWord?.enter(state)) post({ type: 'core' });
};

/** Commands whose result has pages, which are not copied. */
const givesPages: ReadonlySet<Command['type']> = new Set(['copy-scan', 'copy-cut']);

/** How long a thread that waits for a card sleeps at most before it looks around anyway. */
const BLOCKED_MS = 1_000;

async function main(): Promise<void> {
  let blocked = 0;
  const postponed: ToWorker[] = [];
  const wake = new Int32Array(setup.wake, 0, 1);

  /** The guest waits inside of an access: its devices live on, what the VMM wants of it comes after. */
  const block = (done: () => boolean): void => {
    blocked++;
    const waits = loop.isRunning && !done();
    if (waits) enterCore('UNINTERRUPTIBLE');
    try {
      while (!done()) {
        const seen = Atomics.load(wake, 0);
        for (let got = receiveMessageOnPort(port); got; got = receiveMessageOnPort(port)) {
          handle(got.message as ToWorker);
        }
        outbox.flush();
        if (!done()) Atomics.wait(wake, 0, seen, BLOCKED_MS);
      }
    } finally {
      blocked--;
      if (waits && loop.isRunning) enterCore('RUNNING');
    }
    // at the latest then; between two stretches of guest code if it runs
    if (postponed.length > 0) setImmediate(takePostponed);
  };
  const takePostponed = (): boolean => {
    if (blocked > 0) return false;
    const waiting = postponed.splice(0);
    waiting.forEach(handle);
    return waiting.length > 0;
  };
  const panic = new PanicWatch();
  const serial = new SerialBuffer(data => {
    panic.look(data);
    post({ type: 'console', data }, [data.buffer]);
  });
  const outbox = new CardOutbox((card, frames) =>
    post(
      { type: 'card-frames', card, frames },
      frames.map(({ buffer }) => buffer),
    ),
  );
  const machine = await Machine.create(setup, {
    serial: byte => serial.push(byte),
    notice: text => post({ type: 'notice', text }),
    channelData: (channel, data) => post({ type: 'channel', port: channel, data }, [data.buffer]),
    channelOpen: (channel, open) => post({ type: 'channel-open', port: channel, open }),
    frames: (nic, frames) => {
      loop.noteIo();
      // Of the stretch in which its lease ended.
      if (lease?.isOver) return;
      post(
        { type: 'frames', nic, frames },
        frames.map(({ buffer }) => buffer),
      );
    },
    wifi: messages => {
      loop.noteIo();
      // A stopped guest sends nothing: it is what a loaded state has.
      if (loop.isRunning && lease?.isOver) return;
      post(
        { type: 'wifi', messages },
        messages.map(({ buffer }) => buffer),
      );
    },
    cardFrame: (card, frame) => {
      loop.noteIo();
      if (lease?.isOver) return;
      outbox.push(card, frame);
    },
    diskStalled: (disk, reason) => post({ type: 'disk-stalled', disk, reason }),
    sharedCard: (card, message) => post({ type: 'shared-card', card, message }),
    block,
  });
  const live = new LiveCopy(machine, () => loop);
  const exited = ({ kind, reason }: GuestExit) => {
    machine.engine.end();
    try {
      machine.disks.flush();
    } catch {
      // Nobody is there any more who could be told.
    }
    const ended = panic.found && (kind === 'guest-reset' || kind === 'guest-poweroff');
    post(
      ended ? { type: 'exit', kind: 'guest-panic', reason: panic.found! } : { type: 'exit', kind, reason },
    );
  };
  const loop = new RunLoop(machine.engine, wake, {
    mayRun: () => !lease?.isOver,
    core: coreWord && {
      heldMs: () => coreWord.heldMs,
      enter: enterCore,
      used: ms => coreWord.used(ms),
    },
    drain: () => {
      let any = takePostponed();
      for (let got = receiveMessageOnPort(port); got; got = receiveMessageOnPort(port)) {
        handle(got.message as ToWorker);
        any = true;
      }
      return any;
    },
    poll: now => {
      let worked = false;
      guarded(() =>
        machine.nics.forEach((nic, index) => {
          if (arrivals.underWay(index) && nic.expect()) worked = true;
          if (nic.poll(now)) worked = true;
        }),
      );
      guarded(() => (worked = machine.wifi?.poll(now) || worked));
      guarded(() => machine.cards.forEach(card => (worked = card.pump() || worked)));
      return worked;
    },
    settle: () => {
      let missed = false;
      guarded(() => machine.nics.forEach(nic => (missed = nic.settle() || missed)));
      return missed;
    },
    flush: () => {
      serial.flush();
      outbox.flush();
      machine.flushTraces();
    },
    exited,
    simulated: ranMs => post({ type: 'simulated', ranMs }),
  });

  if (setup.yielding) loop.yielding.settings = setup.yielding;

  const handle = (message: ToWorker): void => {
    if (blocked > 0 && message.type === 'command' && message.command.type !== 'telemetry') {
      postponed.push(message); // the guest is in the middle of an instruction
      return;
    }
    if (message.type === 'command') {
      try {
        const result = execute(message.command);
        const pages = givesPages.has(message.command.type)
          ? (result as Pick<ScanSlice, 'batches'>).batches
          : [];
        post(
          { type: 'result', id: message.id, result },
          pages.map(({ bytes }) => bytes.buffer),
        );
      } catch (thrown) {
        post({ type: 'result', id: message.id, error: toWire(thrown) });
      }
      return;
    }
    // Beacons never end: they count when the guest answers.
    if (message.type !== 'wifi') loop.noteIo();
    guarded(() => deliver(message));
  };

  /** A ring that the guest left malformed: the fault is found when we use it. */
  const guarded = (action: () => void): void => {
    try {
      action();
    } catch (thrown) {
      loop.stop();
      exited(
        thrown instanceof DeviceFault ? new GuestExit('device-fault', thrown.message) : asWorkerError(thrown),
      );
    }
  };

  const deliver = (message: Exclude<ToWorker, { type: 'command' }>): void => {
    switch (message.type) {
      case 'console':
        return machine.type(message.data);
      case 'channel':
        return void machine.console.send(message.port, message.data);
      case 'frames':
        arrivals.received(message.nic, message.frames.length);
        return machine.nics[message.nic]?.receive(message.frames);
      case 'card-frames':
        return machine.cards[message.card]?.push(message.frames);
      case 'shared-card':
        return machine.tellSharedCard(message.card, message.message);
      case 'wifi':
        return machine.wifi?.receive(message.messages);
      case 'wifi-announce':
        return machine.wifi?.announce();
      case 'mac':
        return machine.setMac(message.nic, message.mac);
      case 'nic':
        return machine.setNic(message.nic, message.settings);
      case 'announce':
        return machine.nics[message.nic]?.announce();
    }
  };

  const execute = (command: Command): unknown => {
    switch (command.type) {
      case 'boot':
        return machine.engine.boot(command.image);
      case 'load':
        loop.stop();
        live.forget();
        return machine.load(command.state);
      case 'run':
        machine.requireWhole();
        machine.disks.resume();
        return loop.start();
      case 'simulate':
        if (loop.isRunning) throw new MachineError('VM_WRONG_STATE', 'the machine must be paused for this');
        machine.requireWhole();
        machine.disks.resume();
        return loop.simulate(command.ms);
      case 'pause':
        loop.stop();
        return serial.flush();
      case 'save':
        if (loop.isRunning)
          throw new MachineError('VM_WRONG_STATE', 'the machine must be paused to be saved');
        machine.requireWhole();
        return machine.save();
      case 'telemetry':
        return machine.telemetry(loop);
      case 'yielding':
        loop.yielding.settings = command.settings;
        return;
      case 'memory-map':
        return machine.engine.hooks.memory.describe(machine.engine.memory.size);
      case 'memory-read':
        return machine.guestMemory.read(command.address, command.length);
      case 'memory-write':
        machine.requireWhole();
        return machine.guestMemory.write(command.address, command.bytes);
      case 'memory-hash':
        return machine.guestMemory.hash(command.address, command.length);
      case 'memory-search':
        return machine.guestMemory.search(command.pattern, command.address, command.length, command.limit);
      case 'balloon':
        return machine.requireBalloon().setTarget(command.pages);
      case 'sync':
        return;
      case 'throttle':
        return loop.throttle(command.share);
      case 'copy-begin':
        return live.begin(command.base);
      case 'copy-scan':
        return live.scan(command.copy, command);
      case 'copy-head':
        return live.head(command.copy);
      case 'copy-cut':
        return live.cut(command.copy, command.disks);
      case 'disks-plug':
        return machine.disks.plug(command.layers);
      case 'disks-flush':
        return machine.disks.flush();
      case 'disks-unplug':
        return machine.disks.unplug();
      case 'keys':
        loop.noteIo();
        return machine.keyInput(command.codes);
      case 'screen':
        return machine.engine.screen();
      case 'copy-end':
        return live.end(command.copy);
      case 'copy-in':
        return live.expect(command.base);
      case 'copy-write':
        return live.write(command.copy, command.batch);
      case 'copy-finish':
        return live.finish(command.copy, command.head);
    }
  };

  port.on('message', handle);
  post({ type: 'ready' });
}

function toWire(thrown: unknown): WireError {
  if (thrown instanceof DeviceFault) return { code: 'STATE_CORRUPT', message: thrown.message };
  if (thrown instanceof MachineError || thrown instanceof V3Error)
    return { code: thrown.code, message: thrown.message };
  return { code: 'INTERNAL', message: thrown instanceof Error ? thrown.message : String(thrown) };
}

const asWorkerError = (thrown: unknown) =>
  new GuestExit('worker-error', thrown instanceof Error ? thrown.message : String(thrown));

main().catch((thrown: unknown) => post({ type: 'failed', error: toWire(thrown) }));
