import type { Antenna, Reception } from '../../antenna';

/** An antenna that keeps what it hears. */
export class Ear implements Antenna {
  readonly received: Reception[] = [];
  promiscuous = false;

  constructor(
    readonly id: string,
    readonly address: string,
    public freq: number | undefined = 5180,
    readonly txPower = 20,
  ) {}

  acknowledges(address: string): boolean {
    return address === this.address;
  }

  receive(reception: Reception): void {
    this.received.push(reception);
  }
}
