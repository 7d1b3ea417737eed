/** Why a station is sent away or leaves (IEEE 802.11-2020 §9.4.1.7, table 9-49); those in use. */
export const reasonCodes = {
  UNSPECIFIED: 1,
  PREVIOUS_AUTHENTICATION_INVALID: 2,
  LEAVING: 3,
  INACTIVITY: 4,
  AP_OVERLOADED: 5,
  CLASS_2_FRAME_FROM_UNAUTHENTICATED: 6,
  CLASS_3_FRAME_FROM_UNASSOCIATED: 7,
  DISASSOCIATED_LEAVING: 8,
  ASSOCIATION_WITHOUT_AUTHENTICATION: 9,
  POWER_CAPABILITY_UNACCEPTABLE: 10,
  CHANNELS_UNACCEPTABLE: 11,
  INVALID_ELEMENT: 13,
  MIC_FAILURE: 14,
  FOUR_WAY_HANDSHAKE_TIMEOUT: 15,
  GROUP_KEY_HANDSHAKE_TIMEOUT: 16,
  HANDSHAKE_ELEMENT_MISMATCH: 17,
  INVALID_GROUP_CIPHER: 18,
  INVALID_PAIRWISE_CIPHER: 19,
  INVALID_AKMP: 20,
  UNSUPPORTED_RSN_VERSION: 21,
  INVALID_RSN_CAPABILITIES: 22,
  IEEE_802_1X_AUTHENTICATION_FAILED: 23,
  CIPHER_REFUSED_BY_POLICY: 24,
  POOR_CHANNEL: 34,
  PEER_LEAVING: 36,
  PEER_UNKNOWN: 38,
  TIMEOUT: 39,
} as const;

/** What became of a request (IEEE 802.11-2020 §9.4.1.9, table 9-50); those in use. */
export const statusCodes = {
  SUCCESS: 0,
  UNSPECIFIED_FAILURE: 1,
  CAPABILITIES_UNSUPPORTED: 10,
  REASSOCIATION_NOT_CONFIRMED: 11,
  ASSOCIATION_DENIED: 12,
  ALGORITHM_UNSUPPORTED: 13,
  TRANSACTION_OUT_OF_ORDER: 14,
  CHALLENGE_FAILED: 15,
  AUTHENTICATION_TIMEOUT: 16,
  TOO_MANY_STATIONS: 17,
  RATES_UNSUPPORTED: 18,
  TRY_AGAIN_LATER: 30,
  INVALID_ELEMENT: 40,
  INVALID_GROUP_CIPHER: 41,
  INVALID_PAIRWISE_CIPHER: 42,
  INVALID_AKMP: 43,
  UNSUPPORTED_RSN_VERSION: 44,
  INVALID_RSN_CAPABILITIES: 45,
  CIPHER_REFUSED_BY_POLICY: 46,
} as const;

/** `four way handshake timeout (15)`; a code that has no name here is `reason 99`. */
export const reasonName = (code: number): string => nameOf(reasonCodes, code, 'reason');

/** `too many stations (17)`; a code that has no name here is `status 99`. */
export const statusName = (code: number): string => nameOf(statusCodes, code, 'status');

function nameOf(codes: Record<string, number>, code: number, word: string): string {
  const found = Object.entries(codes).find(([, value]) => value === code);
  return found ? `${found[0].toLowerCase().replaceAll('_', ' ')} (${code})` : `${word} ${code}`;
}
