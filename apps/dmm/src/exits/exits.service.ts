import { Injectable } from '@nestjs/common';
import { V3Error, type DeniedDma, type dmmCalls } from '@v3vee/contracts';
import { modelOf } from '@v3vee/device-models';
import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import type { Card, CardGuest } from '../cards/card';
import { Cards } from '../cards/cards';
import { DmmMetrics } from '../dmm.metrics';
import { PoliciesService } from '../policies/policies.service';
import { RecordsService } from '../records/records.service';
import { VmNames } from '../vm-names';
import { checked, describeDenied, judge, news, type ExitAnswer } from './judge';

type Exit = z.infer<typeof dmmCalls.exit.request> & { host: string };
type Violation = z.infer<typeof dmmCalls.violation.request> & { host: string };

/** Says what becomes of accesses that are exits, while the guest's thread stands still, and of DMA that a host stopped. */
@Injectable()
export class ExitsService {
  constructor(
    private readonly cards: Cards,
    private readonly policies: PoliciesService,
    private readonly records: RecordsService,
    private readonly names: VmNames,
    private readonly metrics: DmmMetrics,
  ) {}

  /**
   * Nothing is noted of a request that is refused.
   * @throws V3Error INVALID_REQUEST if it makes no sense for this card, or is older than one that was answered;
   *   DEVICE_IN_USE, DEVICE_MISMATCH as `Cards.admit`
   */
  exit(request: Exit): ExitAnswer {
    const { vmId, epoch, sequence, mode: access, state, memorySize } = request;
    const card = this.cards.admit(request, { model: request.model, access });
    const last = card.guests.get(vmId);
    if (last?.epoch === epoch && last.answered && sequence <= last.answered.sequence) {
      return this.repeated(card, sequence, last.answered);
    }
    const use = { access, model: modelOf(request.model), state, memorySize };
    const known = card.known(request, use);
    const before = known ?? checked(use);
    const { use: after, denied } = judge(before, request.access);
    const isAsBefore = known !== undefined && isDeepStrictEqual(after.state, before.state);
    const answer: ExitAnswer = { ...this.verdict(card, vmId, denied), ...(isAsBefore ? {} : news(after)) };
    card.put(request, after, { sequence, answer });
    card.arbiter.seen(vmId);
    this.names.learn(vmId);
    this.metrics.exits.inc({ device: card.name, verdict: answer.verdict });
    return answer;
  }

  /** @throws V3Error DEVICE_IN_USE as `Cards.admit` */
  violation(request: Violation): { verdict: 'deny' | 'stop'; reason: string } {
    return this.denied(this.cards.admit(request), request.vmId, request.denied);
  }

  /** The answer was lost; it counts once. */
  private repeated(card: Card, sequence: number, answered: NonNullable<CardGuest['answered']>): ExitAnswer {
    if (sequence === answered.sequence) return answered.answer;
    this.metrics.staleExits.inc({ device: card.name });
    throw new V3Error(
      'INVALID_REQUEST',
      `exit ${sequence} of this guest at ${card.name} came after exit ${answered.sequence}, which was answered`,
    );
  }

  private verdict(card: Card, vmId: string, denied?: DeniedDma): Pick<ExitAnswer, 'verdict' | 'reason'> {
    return denied ? this.denied(card, vmId, denied) : { verdict: 'proceed', reason: '' };
  }

  private denied({ name }: Card, vmId: string, denied: DeniedDma) {
    const verdict = this.policies.of(name).onViolation;
    this.records.denied(name, vmId, denied, verdict);
    return { verdict, reason: describeDenied(this.names.of(vmId), name, denied) };
  }
}
