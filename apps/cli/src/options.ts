import { antennaId, deviceName, V3Error, validate } from '@v3vee/contracts';

/** What an option takes that is a whole number. */
export function wholeNumber(option: string, min: number, max: number): (text: string) => number {
  return text => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    const bounds = max === Number.MAX_SAFE_INTEGER ? `at least ${min}` : `from ${min} to ${max}`;
    throw new V3Error('USAGE', `${option} is "${text}"; it takes a number ${bounds}`);
  };
}

/** A physical device as it is named on the command line. @throws V3Error USAGE */
export const parseDevice = (text: string): string => validate(deviceName, text, 'USAGE');

/** A radio (`alpha/radio0`) or an access point (`ap/home`) as it is named on the command line. @throws V3Error USAGE */
export const parseAntenna = (text: string): string => validate(antennaId, text, 'USAGE');
