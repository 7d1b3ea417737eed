import { useEffect, useId, useState } from 'react';
import type { AuditFilter, AuditOutcome } from '@v3vee/contracts';
import { access } from 'virtual:contract';
import { useUsers } from '../access/lists';

/** As it is chosen. */
export interface Chosen {
  user: string;
  action: string;
  target: string;
  outcome: AuditOutcome | '';
  period: Period;
  /** Local times as the browser's fields have them; empty: no end. */
  since: string;
  until: string;
}
type Period = keyof typeof periods;

const HOUR_MS = 3_600_000;
/** How long ago each begins, ms. */
const periods = { always: 0, hour: HOUR_MS, day: 24 * HOUR_MS, week: 7 * 24 * HOUR_MS, between: 0 };
const periodNames: Record<Period, string> = {
  always: 'at any time',
  hour: 'in the last hour',
  day: 'in the last day',
  week: 'in the last 7 days',
  between: 'between…',
};
const outcomeNames: Record<AuditOutcome, string> = { done: 'done', refused: 'refused', failed: 'failed' };
const actions = Object.keys(access).sort();
/** How long somebody who types is waited for, ms. */
const TYPING_MS = 300;

export const nothingChosen: Chosen = {
  ...{ user: '', action: '', target: '', outcome: '', period: 'always', since: '', until: '' },
};

export const isAnythingChosen = ({ user, action, target, outcome, period }: Chosen): boolean =>
  user + action + target + outcome !== '' || period !== 'always';

/** As the gateway takes it. @param now when the period was chosen, ms since 1970 */
export function filterOf(chosen: Chosen, now: number): AuditFilter {
  const { user, action, target, outcome, period } = chosen;
  // While a year is typed it can be one that there is not.
  const instant = (local: string) => {
    const at = new Date(local);
    return Number.isNaN(at.getTime()) || at.getUTCFullYear() > 9999 ? undefined : at.toISOString();
  };
  const [since, until] =
    period === 'between'
      ? [instant(chosen.since), instant(chosen.until)]
      : [periods[period] > 0 ? new Date(now - periods[period]).toISOString() : undefined, undefined];
  return {
    user: user.trim() || undefined,
    action: action || undefined,
    target: target.trim() || undefined,
    outcome: outcome || undefined,
    since,
    until,
  };
}

/** What is typed, once it is not typed any further. */
export function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), TYPING_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

export function FilterBar({ chosen, onChange }: { chosen: Chosen; onChange: (chosen: Chosen) => void }) {
  const { value: users } = useUsers();
  const list = useId();
  const change = (part: Partial<Chosen>) => onChange({ ...chosen, ...part });
  return (
    <div className="filters" role="search" aria-label="Entries of the audit log">
      <label>
        Who
        <input
          type="search"
          list={list}
          placeholder="anybody"
          spellCheck={false}
          value={chosen.user}
          onChange={event => change({ user: event.target.value })}
        />
        <datalist id={list}>
          {['admin', ...(users?.map(({ name }) => name) ?? [])].map(name => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </label>
      <label>
        Did
        <select value={chosen.action} onChange={event => change({ action: event.target.value })}>
          <option value="">anything</option>
          {actions.map(each => (
            <option key={each}>{each}</option>
          ))}
        </select>
      </label>
      <label>
        To
        <input
          type="search"
          placeholder="part of an address"
          spellCheck={false}
          value={chosen.target}
          onChange={event => change({ target: event.target.value })}
        />
      </label>
      <label>
        Outcome
        <select
          value={chosen.outcome}
          onChange={event => change({ outcome: event.target.value as Chosen['outcome'] })}
        >
          <option value="">any</option>
          {Object.entries(outcomeNames).map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <label>
        When
        <select value={chosen.period} onChange={event => change({ period: event.target.value as Period })}>
          {Object.entries(periodNames).map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      {chosen.period === 'between' && (
        <>
          <label>
            From
            <input
              type="datetime-local"
              value={chosen.since}
              onChange={event => change({ since: event.target.value })}
            />
          </label>
          <label>
            Until
            <input
              type="datetime-local"
              value={chosen.until}
              onChange={event => change({ until: event.target.value })}
            />
          </label>
        </>
      )}
      {isAnythingChosen(chosen) && (
        <button type="button" className="button quiet" onClick={() => onChange(nothingChosen)}>
          Show all
        </button>
      )}
    </div>
  );
}
