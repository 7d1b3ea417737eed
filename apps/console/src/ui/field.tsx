import { useId, type ReactNode } from 'react';

interface Described {
  id: string;
  'aria-invalid': true | undefined;
  'aria-describedby': string | undefined;
}

interface FieldProps {
  label: ReactNode;
  hint?: ReactNode;
  error?: string;
  children: (control: Described) => ReactNode;
}

/** A label, its control, and what is wrong with that, or else how it is meant. */
export function FieldFrame({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const note = error ?? hint;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({
        id,
        'aria-invalid': error === undefined ? undefined : true,
        'aria-describedby': note === undefined ? undefined : `${id}-note`,
      })}
      {note !== undefined && (
        <small id={`${id}-note`} className={error === undefined ? undefined : 'field-error'}>
          {note}
        </small>
      )}
    </div>
  );
}
