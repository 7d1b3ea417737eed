/** A guest that measures or is measured, on whatever engine. */
export interface Station {
  readonly name: string;
  readonly ip: string;
  readonly mac: string;
  /** Runs a command in its root shell; answers what it printed. */
  sh(command: string): Promise<string>;
  /** A station that is not measured stands still: it takes no time from those that are. */
  run(): Promise<void>;
  pause(): Promise<void>;
}

/** Two stations with a network between them: the first sends and asks, the second receives and answers. */
export interface Pair<S extends Station = Station> {
  client: S;
  server: S;
}

/** Runs both, measures, and stops them again. */
export async function awake<T>({ client, server }: Pair, measure: () => Promise<T>): Promise<T> {
  const pause = () => Promise.all([client.pause(), server.pause()]);
  await Promise.all([client.run(), server.run()]);
  let result: T;
  try {
    result = await measure();
  } catch (error) {
    await pause().catch(() => undefined); // what went wrong first is what matters
    throw error;
  }
  await pause();
  return result;
}
