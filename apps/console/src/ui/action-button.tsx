import type { Doing } from '../api/who';
import { useWhyRefused } from '../app-context';
import { Icon, type IconName } from './icon';

/** A button that says why it can't be used: by role, or by what is. */
export function ActionButton({
  label,
  needs,
  why,
  icon = 'plus',
  isPrimary = false,
  onClick,
}: {
  label: string;
  /** What it does of the gateway's. */
  needs: Doing;
  /** Why it can't be done now; undefined: it can. */
  why?: string;
  icon?: IconName;
  isPrimary?: boolean;
  onClick: () => void;
}) {
  const refusal = useWhyRefused()(needs) ?? why;
  return (
    <button
      type="button"
      className={isPrimary ? 'button primary' : 'button'}
      disabled={refusal !== undefined}
      title={refusal}
      onClick={onClick}
    >
      <Icon name={icon} /> {label}
    </button>
  );
}
