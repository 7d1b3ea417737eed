/** VPIO: the device modeling monitor, and what the Palacios of a host does for it. */
import { z } from 'zod';
import { resourceName } from './quantities';
import { announcement, call, empty, frequent, incarnation } from './rpc-call';
import {
  cardAccess,
  cardModel,
  deniedDma,
  deviceInventory,
  dmaWindow,
  hookRule,
  ioAccess,
  memorySize,
  modelState,
} from './vpio';

/** A guest that shares a card of the host that asks. */
const sharer = z.object({ nic: resourceName, vmId: z.uuid(), epoch: z.int() });

/** `{host}` is the host that asks: it can ask for its own guests only. */
export const dmmCalls = {
  /**
   * A guest that has not got the card needs it: `access`, its thread stands still at one; `frame`, a frame waits for
   * it. The answer says only that the wish is known: the card comes by `palaciosVpioCalls.switch`. May be repeated.
   */
  acquire: frequent(
    call(
      'dmm.acquire.{host}',
      sharer.extend({
        access: cardAccess,
        why: z.enum(['access', 'frame']),
        model: cardModel,
        state: modelState,
        memorySize,
      }),
      z.object({ verdict: z.enum(['switch', 'wait']) }),
    ),
  ),
  /**
   * An access that the hooked I/O list made an exit; the guest's thread stands still until the answer. `sequence` grows
   * with each exit of the guest: a repeated one gets the same verdict and counts once. `hooks` and `windows` replace
   * those in force. `stop`: the VM is to be stopped with the reason.
   */
  exit: frequent(
    call(
      'dmm.exit.{host}',
      sharer.extend({
        sequence: z.int().min(1),
        access: ioAccess,
        mode: cardAccess,
        model: cardModel,
        state: modelState,
        memorySize,
      }),
      z.object({
        verdict: z.enum(['proceed', 'deny', 'stop']),
        reason: z.string(),
        /** What the model knows now; absent: the same as before, and so are hooks and windows. */
        state: modelState.optional(),
        hooks: z.array(hookRule).optional(),
        windows: z.array(dmaWindow).optional(),
      }),
    ),
  ),
  /** The host's DMA guard stopped a transfer that no exit could foresee (C+ descriptors). The answer: what follows. */
  violation: frequent(
    call(
      'dmm.violation.{host}',
      sharer.extend({ denied: deniedDma }),
      z.object({ verdict: z.enum(['deny', 'stop']), reason: z.string() }),
    ),
  ),
  /** A guest shares the card no more (it ended, or its machine was closed); its context may stay. */
  release: call('dmm.release.{host}', sharer, empty),
  /** Policies changed in the store. */
  reload: call('dmm.reload', empty, empty),
  /** The hooked I/O list in force for each card's holder. */
  hooks: call(
    'dmm.hooks',
    z.object({ host: resourceName, nic: resourceName }),
    z.object({ hooks: z.array(hookRule) }),
  ),
};
/** The DMM started anew: hosts tell it again who asks for what. */
export const dmmHello = announcement('dmm.hello', z.object({ incarnation }));

export const palaciosVpioCalls = {
  /** The host's cards: who holds, who waits, what was counted. */
  inventory: call('palacios.{host}.vpio.inventory', empty, z.object({ devices: z.array(deviceInventory) })),
  /**
   * Takes the card from whoever holds it, and gives it to a guest (null: to nobody). It is done, or has failed and
   * changed nothing, when it is answered; `hooks` and `windows` are those of the guest that gets it, in that state: one
   * that is in another by then gives the card back. A card that is not reusable after `reusableMs` is taken by force, which is reported. @throws V3Error VM_NOT_FOUND: `to` shares it no more
   */
  switch: call(
    'palacios.{host}.vpio.switch',
    z.object({
      nic: resourceName,
      to: z.object({ vmId: z.uuid(), epoch: z.int(), state: modelState }).nullable(),
      reusableMs: z.int(),
      hooks: z.array(hookRule),
      windows: z.array(dmaWindow),
    }),
    z.object({
      durationMs: z.number(),
      forced: z.boolean(),
      /** Of the guest that had it: its context, for the record (v8-serialised, base64), null if nobody had it. */
      saved: z.object({ vmId: z.uuid(), epoch: z.int(), bytes: z.int(), context: z.string() }).nullable(),
    }),
    30_000,
  ),
  /** Starts, renews (every 5 s or it ends after 10) or stops a trace: batches of JSON lines on `rawSubjects.trace(host, id)`. */
  trace: frequent(
    call(
      'palacios.{host}.vpio.trace',
      z.object({ id: z.uuid(), nic: resourceName, on: z.boolean() }),
      z.object({ dropped: z.int() }),
    ),
  ),
};
