/** What an access point tells its operator. `station` is a MAC address, codes are IEEE 802.11's. */
export type AccessPointEvent =
  | { kind: 'authenticated'; station: string }
  | {
      kind: 'associated';
      station: string;
      aid: number;
      /** BSSID of the access point that the station comes from. */
      from?: string;
    }
  | { kind: 'refused'; station: string; status: number }
  /** It can send and receive data; from here on its address is behind this access point. */
  | { kind: 'authorized'; station: string }
  /** No valid answer came to a message: the passphrase is wrong, or the station is away. The air does not tell which. */
  | { kind: 'handshakeFailed'; station: string; waitedFor: 'message 2' | 'message 4' | 'group message 2' }
  | { kind: 'left'; station: string; reason: number; by: 'station' | 'accessPoint' }
  | { kind: 'groupKey'; stations: number };
