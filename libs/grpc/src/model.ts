/** How JSON of the contract is told in protobuf: what proto files, conversion and clients go by. */

export const scalars = ['string', 'int64', 'double', 'bool', 'bytes'] as const;
export type Scalar = (typeof scalars)[number];

/**
 * `value`: google.protobuf.Value, any JSON, where the contract leaves the type open (a number or a text, a list of
 * lists). `mask`: google.protobuf.FieldMask.
 */
export type FieldType =
  | { readonly kind: 'scalar'; readonly scalar: Scalar }
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'value' }
  | { readonly kind: 'mask' };

export interface Field {
  /** In JSON. */
  readonly name: string;
  /** In proto. */
  readonly proto: string;
  readonly type: FieldType;
  readonly cardinality: 'single' | 'repeated' | 'map';
  /** In JSON the key is always there … */
  readonly required: boolean;
  /** … and may be null, which is an absent field in proto. */
  readonly nullable: boolean;
  readonly comment: string;
}

export interface Message {
  /** Below the package, with its parents: `Vm.NicsItem`. */
  readonly name: string;
  readonly comment: string;
  readonly fields: Field[];
  /** Declared inside this one. */
  readonly nested: Message[];
  /** Of a union of objects: the fields that each of its shapes has. */
  readonly shapes?: readonly Field[][];
}

export type RpcKind = 'unary' | 'upload' | 'download' | 'console';

export interface Rpc {
  /** As the REST table calls it: `startVm`. */
  readonly name: string;
  readonly summary: string;
  readonly kind: RpcKind;
  readonly request: Message;
  readonly response: Message;
}

export interface Service {
  /** `Vms`. */
  readonly name: string;
  /** The REST table's tag, and the proto file's name. */
  readonly tag: string;
  readonly rpcs: Rpc[];
}

export interface Api {
  readonly services: Service[];
  /** Shared by services: the schemas with a name of their own. */
  readonly types: Message[];
}

export const PACKAGE = 'v3vee.v1';

/** `/v3vee.v1.Vms/StartVm`, as gRPC's metrics and reflection name it. */
export const rpcName = (rpc: { name: string }): string =>
  rpc.name.charAt(0).toUpperCase() + rpc.name.slice(1);
