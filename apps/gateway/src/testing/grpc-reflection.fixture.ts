import { once } from 'node:events';
import { dirname, join } from 'node:path';
import type { Client as Channel } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer, loadSync, type ServiceDefinition } from '@grpc/proto-loader';

interface Answer {
  list_services_response?: { service: { name: string }[] };
  file_descriptor_response?: { file_descriptor_proto: Buffer[] };
}

/** A client of gRPC's reflection, as grpcurl is one: it knows nothing but the reflection's own protocol. */
export class GrpcReflection {
  private readonly definition: ServiceDefinition;

  constructor(private readonly channel: Channel) {
    const folder = join(dirname(require.resolve('@grpc/reflection/package.json')), 'build', 'proto');
    const loaded = loadSync(join(folder, 'grpc', 'reflection', 'v1', 'reflection.proto'), { keepCase: true });
    this.definition = loaded['grpc.reflection.v1.ServerReflection'] as ServiceDefinition;
  }

  async services(): Promise<string[]> {
    const { list_services_response: list } = await this.ask({ list_services: '*' });
    return (list?.service ?? []).map(({ name }) => name);
  }

  /** Names of a service's methods, from the files that the server sends. */
  async methods(service: string): Promise<string[]> {
    const { file_descriptor_response: found } = await this.ask({ file_containing_symbol: service });
    const files = (found?.file_descriptor_proto ?? []).flatMap(file => [field(1, file.length), file]);
    const set = loadFileDescriptorSetFromBuffer(Buffer.concat(files));
    return Object.keys(set[service] as ServiceDefinition).sort();
  }

  private async ask(question: object): Promise<Answer> {
    const { path, requestSerialize, responseDeserialize } = this.definition.ServerReflectionInfo!;
    const call = this.channel.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    call.write(question);
    const [answer] = (await once(call, 'data')) as [Answer];
    call.end();
    return answer;
  }
}

/** Tag and length of a field of bytes in protobuf's encoding. */
function field(number: number, length: number): Buffer {
  const bytes = [(number << 3) | 2];
  for (let rest = length; ; rest >>>= 7) {
    bytes.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) return Buffer.from(bytes);
  }
}
