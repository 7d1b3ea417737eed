import { Controller } from '@nestjs/common';
import type { Operation } from '@v3vee/contracts';
import { Endpoint, Input, type InputOf } from '../http/endpoint';
import { ClusterApply } from './apply.service';

@Controller()
export class ClusterController {
  constructor(private readonly cluster: ClusterApply) {}

  @Endpoint('applyCluster')
  apply(@Input() { body, caller }: InputOf<'applyCluster'>): Promise<Operation> {
    return this.cluster.begin(body, caller);
  }
}
