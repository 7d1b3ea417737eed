import type { Operation } from '@v3vee/contracts';
import type { OperationEntity } from '@v3vee/store';

export function operationView(operation: OperationEntity): Operation {
  const { id, verb, target, done, progress, metadata, error, response, createdAt, endedAt } = operation;
  return {
    id,
    verb,
    target,
    done,
    progress,
    metadata,
    error,
    response,
    createdAt: createdAt.toISOString(),
    endedAt: endedAt?.toISOString() ?? null,
  };
}
