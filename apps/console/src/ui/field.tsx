import { useEffect, useId, useRef, useState, type ReactNode, type Ref } from 'react';
import type { FieldError } from '@v3vee/contracts';
import { ApiError } from '../api/problem';

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
export function FieldFrame({
  label,
  hint,
  error,
  frame,
  children,
}: FieldProps & { frame?: Ref<HTMLDivElement> }) {
  const id = useId();
  const note = error ?? hint;
  return (
    <div className="field" ref={frame}>
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

/** A field that is gone to when it is the first that is wrong. */
export function Field(props: FieldProps) {
  const { error } = props;
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (error === undefined) return;
    // The first of those that are wrong is where one goes on.
    const first = frame.current?.closest('form')?.querySelector<HTMLElement>('[aria-invalid="true"]');
    if (first && frame.current?.contains(first)) first.focus();
  }, [error]);
  return <FieldFrame {...props} frame={frame} />;
}

/**
 * What was found wrong with the fields of a form when it was sent.
 * @param names of the fields that say it themselves
 * @param codes errors that belong to a field by their code
 */
export function useFieldErrors(names: readonly string[], codes: Readonly<Record<string, string>> = {}) {
  const [errors, setErrors] = useState<readonly FieldError[]>([]);
  return {
    at: (path: string) => errors.find(each => each.path === path)?.message,
    /** Sends. @throws ApiError what the form shows as a whole */
    keep: async <T,>(send: () => Promise<T>): Promise<T> => {
      setErrors([]);
      try {
        return await send();
      } catch (thrown) {
        const error = ApiError.from(thrown);
        const { code, title, fields, message } = error;
        const path = codes[code];
        const told = fields.length > 0 || path === undefined ? fields : [{ path, message }];
        setErrors(told);
        const isAllTold = told.length > 0 && told.every(each => names.includes(each.path));
        // Once is enough: the form as a whole then only says of what kind it is.
        throw isAllTold ? new ApiError(code, title, 'What is wrong is said where it is.', told) : error;
      }
    },
  };
}
