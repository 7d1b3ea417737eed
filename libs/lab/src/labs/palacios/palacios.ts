import { debianImage } from '../../guest-image';
import type { Lab } from '../../lab';
import { row } from '../../result';
import { measureDispatch } from './dispatch';
import { jobs } from './jobs';
import { measureScaling } from './scaling';
import { alone, onBareEngine, underPalacios } from './sides';

const STEPS = ['set-up', 'jobs of a guest', 'computing VMs'] as const;
const CLAIM = 'within 5 % of native (IPDPS’10, abstract)';

/** What Palacios's presence costs a guest, and what VMs cost each other. */
export const palaciosLab: Lab = {
  name: 'palacios',
  summary: 'jobs of a guest under Palacios against the same on the bare engine; exits; many VMs on two cores',
  claims: [CLAIM],
  minutes: 13,
  defaultRuns: 7,
  async run(context) {
    context.step(STEPS, 'set-up');
    context.progress('preparing the image');
    const { image, firmware } = await debianImage();
    const rows = measureDispatch(context);
    context.progress('booting a guest under Palacios and one on the bare engine');
    const ours = await underPalacios(context, image, firmware);
    const bare = await onBareEngine(context, image, firmware);
    context.step(STEPS, 'jobs of a guest');
    for (const [name, command] of Object.entries(jobs)) {
      const seconds = { ours: [] as number[], bare: [] as number[] };
      // The first runs translate the job's code; both sides are warm afterwards.
      for (let i = -2; i < context.runs; i++) {
        context.signal.throwIfAborted();
        context.progress(`${name}, ${Math.max(i + 1, 0)} of ${context.runs}`);
        // One at a time and in alternating order: they must not share a core, and drift must hit both.
        const order = i % 2 ? (['ours', 'bare'] as const) : (['bare', 'ours'] as const);
        for (const side of order) {
          const took = await alone(side === 'ours' ? ours : bare, command);
          if (i >= 0) seconds[side].push(1 / took);
        }
      }
      rows.push(
        row({
          name,
          unit: 'jobs per CPU second',
          baseline: { name: 'bare engine', values: seconds.bare },
          ours: { name: 'under Palacios', values: seconds.ours },
          claim: CLAIM,
          target: { of: 'ratio', op: '>=', value: 0.95 },
        }),
      );
    }
    context.step(STEPS, 'computing VMs');
    rows.push(...(await measureScaling(context, image, firmware)));
    return rows;
  },
};
