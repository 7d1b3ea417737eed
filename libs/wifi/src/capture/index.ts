export { AirTaps } from './air-taps';
