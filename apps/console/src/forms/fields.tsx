import { useId, useState, type InputHTMLAttributes, type ReactNode } from 'react';
import { FieldFrame } from '../ui/field';
import type { Values } from './form-model';
import type { Form } from './use-form';
import './forms.css';

interface Common<V extends Values> {
  form: Form<V>;
  name: keyof V & string;
  label: ReactNode;
  hint?: ReactNode;
}

type InputProps = Pick<
  InputHTMLAttributes<HTMLInputElement>,
  'placeholder' | 'disabled' | 'autoFocus' | 'inputMode' | 'className' | 'autoComplete'
>;

/** @param suggestions what may be chosen; anything else may be typed */
export function TextField<V extends Values>({
  form,
  name,
  label,
  hint,
  suggestions,
  ...input
}: Common<V> & InputProps & { suggestions?: readonly { value: string; label?: string }[] }) {
  const list = useId();
  return (
    <FieldFrame label={label} hint={hint} error={form.errorAt(name)}>
      {control => (
        <>
          <input
            {...control}
            type="text"
            autoComplete="off"
            spellCheck={false}
            {...input}
            list={suggestions && list}
            value={form.values[name] as string}
            onChange={event => form.set(name, event.target.value)}
            onBlur={() => form.touch(name)}
          />
          {suggestions && (
            <datalist id={list}>
              {suggestions.map(each => (
                <option key={each.value} value={each.value} label={each.label} />
              ))}
            </datalist>
          )}
        </>
      )}
    </FieldFrame>
  );
}

/** As text: what is no number is told, where a number field would keep it to itself. */
export function NumberField<V extends Values>(props: Common<V> & InputProps) {
  return <TextField inputMode="decimal" className="number" {...props} />;
}

/** Hidden until it is asked for. */
export function SecretField<V extends Values>({
  form,
  name,
  label,
  hint,
  placeholder,
}: Common<V> & Pick<InputProps, 'placeholder'>) {
  const [isShown, setShown] = useState(false);
  return (
    <FieldFrame label={label} hint={hint} error={form.errorAt(name)}>
      {control => (
        <span className="with-button">
          <input
            {...control}
            type={isShown ? 'text' : 'password'}
            autoComplete="new-password"
            spellCheck={false}
            placeholder={placeholder}
            value={form.values[name] as string}
            onChange={event => form.set(name, event.target.value)}
            onBlur={() => form.touch(name)}
          />
          <button
            type="button"
            className="button"
            aria-pressed={isShown}
            aria-controls={control.id}
            onClick={() => setShown(!isShown)}
          >
            {isShown ? 'Hide' : 'Show'}
          </button>
        </span>
      )}
    </FieldFrame>
  );
}

/** @param children its options */
export function SelectField<V extends Values>({
  form,
  name,
  label,
  hint,
  disabled,
  autoFocus,
  children,
}: Common<V> & { disabled?: boolean; autoFocus?: boolean; children: ReactNode }) {
  return (
    <FieldFrame label={label} hint={hint} error={form.errorAt(name)}>
      {control => (
        <select
          {...control}
          disabled={disabled}
          autoFocus={autoFocus}
          value={form.values[name] as string}
          onChange={event => form.set(name, event.target.value)}
        >
          {children}
        </select>
      )}
    </FieldFrame>
  );
}

export function CheckField<V extends Values>({ form, name, label, hint }: Common<V>) {
  const id = useId();
  return (
    <div className="check-field">
      <input
        id={id}
        type="checkbox"
        aria-describedby={hint === undefined ? undefined : `${id}-note`}
        checked={form.values[name] as boolean}
        onChange={event => form.set(name, event.target.checked)}
      />
      <label htmlFor={id}>{label}</label>
      {hint !== undefined && <small id={`${id}-note`}>{hint}</small>}
    </div>
  );
}

/** Fields that belong together. */
export function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <fieldset className="group">
      <legend>{title}</legend>
      {children}
    </fieldset>
  );
}
