import { readdirSync } from 'node:fs';
import {
  loadSync,
  type MessageTypeDefinition,
  type PackageDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader';
import { OWN_FOLDER, PROTO_FOLDER } from './files';
import { PACKAGE, type Service } from './model';

let loaded: PackageDefinition | undefined;

/** All of `libs/contracts/proto`, as published. */
export function packageDefinition(): PackageDefinition {
  const own = readdirSync(OWN_FOLDER).map(name => `v3vee/v1/${name}`);
  return (loaded ??= loadSync([...own, 'google/rpc/status.proto', 'google/rpc/error_details.proto'], {
    includeDirs: [PROTO_FOLDER],
    keepCase: true,
    longs: Number,
    enums: String,
    bytes: Buffer,
  }));
}

export const serviceDefinition = ({ name }: Service): ServiceDefinition =>
  packageDefinition()[`${PACKAGE}.${name}`] as ServiceDefinition;

export const messageType = (name: string): MessageTypeDefinition<object, object> =>
  packageDefinition()[name] as MessageTypeDefinition<object, object>;
