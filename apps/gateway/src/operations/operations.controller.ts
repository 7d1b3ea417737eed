import { Controller } from '@nestjs/common';
import { V3Error, type List, type Operation } from '@v3vee/contracts';
import { OperationRepository, type OperationEntity } from '@v3vee/store';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { ageKey, ageOf } from '../http/age-key';
import { PageTokens } from '../http/page-tokens';
import { operationView } from './operation-view';
import { OperationsService } from './operations.service';

@Controller()
export class OperationsController {
  constructor(
    private readonly operations: OperationsService,
    private readonly repository: OperationRepository,
    private readonly pages: PageTokens,
  ) {}

  @Endpoint('listOperations')
  async list(@Input() { query }: InputOf<'listOperations'>): Promise<List<Operation>> {
    const { pageSize, pageToken } = query;
    const after = pageToken === undefined ? undefined : ageKey(this.pages.open('operations', pageToken));
    const rows = await this.repository.list({ after, limit: pageSize + 1 });
    return this.pages.page('operations', rows, pageSize, ageOf, operationView);
  }

  // Before the next: that one's {operation} would take `<id>:wait` too.
  @Endpoint('waitOperation')
  async wait(@Input() { params, query }: InputOf<'waitOperation'>): Promise<Operation> {
    return found(params.operation, await this.operations.wait(params.operation, query.timeoutSeconds * 1000));
  }

  @Endpoint('getOperation')
  async get(@Input() { params }: InputOf<'getOperation'>): Promise<Operation> {
    return found(params.operation, await this.operations.get(params.operation));
  }
}

function found(id: string, operation: OperationEntity | null): Operation {
  if (operation) return operationView(operation);
  throw new V3Error('OPERATION_NOT_FOUND', `there is no operation "${id}"`);
}
