/** Why a frame went no further at an access point. */
export const apDropReasons = [
  /** Its header, fields, elements or LLC are cut or out of range. */
  'malformed',
  /** A class 2 or 3 frame of a station that is not authenticated or associated. */
  'not-associated',
  /** Data before the keys are agreed on. */
  'not-authorized',
  /** It came before: its acknowledgement was lost. */
  'duplicate',
  /** Plain data where everything is encrypted. */
  'unprotected',
  /** Encrypted, and there is no key, or it is not CCMP. */
  'no-key',
  /** Encrypted with an old packet number. */
  'replay',
  /** Its MIC is wrong. */
  'mic',
  /** An aggregate, which was not negotiated; plain ones are an attack (CVE-2020-24588). */
  'amsdu',
  /** Fragments that do not follow one another. */
  'fragment',
  /** A kind of data frame that stations of a BSS do not send. */
  'wrong-direction',
  /** EAPOL that nobody waits for: repeated, wrong, or addressed past the access point. */
  'eapol',
  /** Between two stations of a BSS that isolates them. */
  'isolated',
  /** For an address that is no station of this BSS. */
  'no-station',
  /** Longer than a data frame carries. */
  'too-long',
  /** Its queue was full: the oldest of it makes room. */
  'queue-full',
  /** More answers to requests are on their way than is sensible. */
  'too-many-answers',
] as const;
export type ApDropReason = (typeof apDropReasons)[number];

/** `rx` is from the air, `tx` to the air; data frames unless the name says otherwise. */
export class AccessPointCounters {
  beacons = 0;
  probeResponses = 0;
  rx = 0;
  rxBytes = 0;
  tx = 0;
  txBytes = 0;
  txGroup = 0;
  /** Attempts after the first. */
  txRetries = 0;
  /** Not acknowledged by anybody at any try. */
  txFailed = 0;
  refused = 0;
  handshakes = 0;
  handshakesFailed = 0;
  groupKeys = 0;
  readonly dropped = Object.fromEntries(apDropReasons.map(reason => [reason, 0])) as Record<
    ApDropReason,
    number
  >;
}
