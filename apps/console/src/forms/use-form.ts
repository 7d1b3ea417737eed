import { useEffect, useState } from 'react';
import type { FieldError } from '@v3vee/contracts';
import { ApiError } from '../api/problem';
import { STAYS } from '../ui/dialog';
import { placeErrors, type FormName, type Values } from './form-model';

type Check = typeof import('./schemas').check;

let loading: Promise<Check | undefined> | undefined;
/** Undefined where the schemas cannot be had: then the gateway alone says what is wrong. */
const load = (): Promise<Check | undefined> =>
  (loading ??= import('./schemas')
    .then(({ check }) => check)
    .catch(() => {
      loading = undefined;
      return undefined;
    }));

export interface Form<V extends Values = Values> {
  values: V;
  set: (name: keyof V & string, value: string | boolean) => void;
  /** Its field was left. */
  touch: (name: keyof V & string) => void;
  /** What is wrong at a field, once that may be said. */
  errorAt: (name: keyof V & string) => string | undefined;
  /**
   * Checks, and sends what is right. What is wrong is said at its fields, and the dialog stays.
   * @throws ApiError what stands at no field
   */
  submit: (send: (body: object) => Promise<unknown>) => Promise<unknown>;
}

/** What is typed into a form, checked as it is typed by the contract's schemas, and by the gateway when it is sent. */
export function useForm<V extends Values>({
  name: form,
  initial,
  body: bodyOf,
  own = () => [],
  codes = {},
  prefix = '',
}: {
  name: FormName;
  initial: V;
  /** What of these values is sent. */
  body: (values: V) => object;
  /** What is wrong besides, as far as it can be told here. */
  own?: (values: V) => FieldError[];
  /** Errors of the gateway that belong to a field by their code. */
  codes?: Readonly<Record<string, keyof V & string>>;
  /** Where the body stands in what is sent. */
  prefix?: string;
}): Form<V> {
  const [values, setValues] = useState(initial);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [refused, setRefused] = useState<readonly FieldError[]>([]);
  const [check, setCheck] = useState<Check>();
  useEffect(() => {
    let isHere = true;
    void load().then(loaded => isHere && setCheck(() => loaded));
    return () => {
      isHere = false;
    };
  }, []);
  const names = Object.keys(values);
  const wrongBy = (by: Check | undefined) => [...own(values), ...(by?.(form, bodyOf(values)) ?? [])];
  const wrong = placeErrors(wrongBy(check), names).placed;
  return {
    values,
    set: (name, value) => {
      setValues(now => ({ ...now, [name]: value }));
      setRefused(now => now.filter(({ path }) => path !== name));
    },
    touch: name => {
      // Who passes by an empty field has not done anything wrong yet.
      if (values[name] !== initial[name]) setTouched(now => new Set([...now, name]));
    },
    errorAt: name =>
      (
        refused.find(({ path }) => path === name) ??
        (touched.has(name) ? wrong.find(({ path }) => path === name) : undefined)
      )?.message,
    submit: async send => {
      const { placed, others } = placeErrors(wrongBy(await load()), names);
      if (placed.length > 0 || others.length > 0) {
        setTouched(new Set(names));
        if (others.length > 0) throw asError(others);
        return STAYS;
      }
      try {
        return await send(bodyOf(values));
      } catch (thrown) {
        const error = ApiError.from(thrown);
        const field = codes[error.code];
        const said = error.fields.length > 0 || field === undefined ? error.fields : [at(field, error)];
        const answer = placeErrors(said, names, prefix);
        setRefused(answer.placed);
        if (answer.placed.length === 0 || answer.others.length > 0) throw error;
        return STAYS;
      }
    },
  };
}

const at = (path: string, { message }: ApiError): FieldError => ({ path, message });
const asError = (fields: readonly FieldError[]): ApiError =>
  new ApiError(
    'INVALID_REQUEST',
    'The request is not valid',
    fields.map(({ path, message }) => `${path}: ${message}`).join('; '),
    fields,
  );
