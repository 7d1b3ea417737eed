export { api, BODY, DATA, MASK, pathParameters, TEXT } from './api';
export { GrpcClient, type GrpcClientOptions, type GrpcStream } from './client';
export { fromWire, toWire, type Json, type Wire } from './codec';
export { maskedBody } from './field-mask';
export { packageDefinition, serviceDefinition } from './load';
export { PACKAGE, rpcName, type Api, type Field, type Message, type Rpc, type Service } from './model';
export { errorOf, statusOf } from './status';
