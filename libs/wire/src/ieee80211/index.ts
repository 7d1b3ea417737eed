export { channelFrequency, frequencyChannel } from './channels';
export { reasonCodes, reasonName, statusCodes, statusName } from './codes';
export {
  EAPOL_ETHER_TYPE,
  encodeEapolKey,
  encodeKeyData,
  keyInformation,
  MIC_BYTES,
  NONCE_BYTES,
  readEapolKey,
  readKeyData,
  withEapolMic,
  type EapolKey,
  type KeyData,
} from './eapol-key';
export {
  elementIds,
  Elements,
  encodeChannelSwitch,
  encodeElements,
  iterateElements,
  MAX_SSID_BYTES,
  readChannelSwitch,
  type ChannelSwitch,
  type Element,
} from './elements';
export {
  controlSubtypes,
  dataSubtypes,
  frameControl,
  frameTypes,
  IEEE80211_HEADER_BYTES,
  Ieee80211Frame,
  ieee80211Frame,
  managementSubtypes,
  setFrameControl,
  type Ieee80211Fields,
} from './header';
export {
  ethernetFromMsdu,
  LLC_SNAP_BYTES,
  llcSnap,
  MAX_MSDU_BYTES,
  msduEtherType,
  msduFromEthernet,
} from './llc-snap';
export {
  authenticationAlgorithms,
  capabilities,
  encodeAction,
  encodeAssociationRequest,
  encodeAssociationResponse,
  encodeAuthentication,
  encodeBeacon,
  encodeReason,
  encodeReassociationRequest,
  readAction,
  readAssociationRequest,
  readAssociationResponse,
  readAuthentication,
  readBeacon,
  readProbeRequest,
  readReason,
  readReassociationRequest,
  type AssociationRequestFields,
  type AssociationResponseFields,
  type AuthenticationFields,
  type BeaconFields,
  type ReassociationRequestFields,
} from './management';
export {
  encodeRadiotap,
  RADIOTAP_LINK_TYPE,
  radiotapFlags,
  radiotapTxFlags,
  readRadiotap,
  type Radiotap,
} from './radiotap';
export { encodeRates, MAX_SUPPORTED_RATES, readRates, type SupportedRate } from './rates';
export { akmSuites, cipherSuites, encodeRsn, readRsn, rsnCapabilities, type Rsn } from './rsn';
export { acknowledgement, nullToAp, nullToStation, psPoll, psPollAid } from './short-frames';
export { encodeTim, MAX_AID, readTim, type Tim } from './tim';
