import { Column, Entity, PrimaryColumn } from 'typeorm';

/** An SNR that was set between two antennas (`alpha/radio0`, `ap/home`), for both directions. Writer: gateway. */
@Entity('wifi_snr')
export class WifiSnrEntity {
  /** The first of the two as strings. */
  @PrimaryColumn('text') a!: string;
  @PrimaryColumn('text') b!: string;
  /** dB. */
  @Column('double precision') snr!: number;
}
