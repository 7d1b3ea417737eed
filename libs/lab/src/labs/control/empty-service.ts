import { createServer } from 'node:net';
import { Server, ServerCredentials, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';

/**
 * Entry of a process like the gateway's with nothing in it: what Node, Nest with Express, and grpc-js take for a request by
 * themselves. It ends with the lab that forked it.
 */

/** The method that answers with nothing. */
export const NOTHING = '/lab.Empty/Nothing';

@Controller()
class EmptyController {
  @Get('nothing')
  nothing(): object {
    return {};
  }
}

@Module({ controllers: [EmptyController] })
class EmptyModule {}

const asIs = (bytes: Buffer): Buffer => bytes;

async function serve(): Promise<void> {
  const app = await NestFactory.create(EmptyModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  const grpc = new Server();
  const definition = {
    ...{ path: NOTHING, requestStream: false, responseStream: false },
    ...{
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    },
  };
  grpc.addService(
    { nothing: definition },
    {
      nothing: (_: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) =>
        done(null, Buffer.alloc(0)),
    },
  );
  const port = await new Promise<number>((resolve, reject) =>
    grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const { port: httpPort } = (app.getHttpServer() as ReturnType<typeof createServer>).address() as {
    port: number;
  };
  process.send?.({ url: `http://127.0.0.1:${httpPort}`, grpc: `127.0.0.1:${port}` });
}

if (process.send) {
  process.on('disconnect', () => process.exit(0));
  serve().catch((thrown: unknown) => {
    console.error(thrown);
    process.exit(1);
  });
}
