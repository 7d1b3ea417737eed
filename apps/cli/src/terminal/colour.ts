import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** https://no-color.org: set and not empty, it switches colours off, also on a terminal. */
export function coloursWanted(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): boolean {
  return Boolean(stream.isTTY) && !env.NO_COLOR && env.TERM !== 'dumb';
}

export function paint(text: string, style: Style, stream: { isTTY?: boolean }): string {
  return coloursWanted(stream) ? styleText(style, text) : text;
}

const stateStyles: Record<string, Style> = {
  RUNNING: 'green',
  COMPLETED: 'green',
  READY: 'green',
  ready: 'green',
  PAUSED: 'yellow',
  RESETTING: 'yellow',
  CANCELLED: 'yellow',
  KILLED: 'yellow',
  starting: 'yellow',
  stopping: 'yellow',
  ERROR: 'red',
  FAILED: 'red',
  NOT_READY: 'red',
  backoff: 'red',
};

/** A state's name in the colour of how well that is. */
export function paintState(state: string, stream: { isTTY?: boolean }): string {
  const style = stateStyles[state];
  return style === undefined ? state : paint(state, style, stream);
}
