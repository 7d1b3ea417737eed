export { needsAck } from './acknowledged';
export { charge, newAccount, type Account, type AntennaAccount } from './accounts';
export { Air, type AirOptions, type ChannelAccount } from './air';
export { frameLoss } from './loss';
export { type Position, type PropagationOptions } from './propagation';
export { basicRate, DSSS_RATES, legacyRate, OFDM_RATES, ratesOf } from './rates';
export { randomSequence } from './random';
export { type Sniffed } from './tap';
export { acknowledgementTime, contentionWindow, difs, FCS_BYTES, frameTime, slotTime } from './timing';
