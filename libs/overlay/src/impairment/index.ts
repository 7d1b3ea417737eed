export { systemClock, type LineClock } from './delay-queue';
export { LineCounters } from './impairer';
export { Line } from './line';
