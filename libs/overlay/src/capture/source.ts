import type { captureCalls } from '@v3vee/contracts';
import type { z } from 'zod';
import type { CapturePublisher } from './publisher';

/** What is to be captured, and where. */
export type CaptureRequest = Omit<z.output<typeof captureCalls.start.request>, 'id'>;

/** Whoever sees frames pass, and lets them be captured. */
export interface CaptureSource {
  /**
   * From now on what is asked for goes to the publisher, too.
   * @returns how to end that
   * @throws V3Error CAPTURE_FILTER_INVALID, CAPTURE_POINT_NOT_FOUND
   */
  feed(request: CaptureRequest, to: CapturePublisher): () => void;
}
