import { CheckField, Group, NumberField } from './fields';
import type { Values } from './form-model';
import { impairmentMembers } from './impairment';
import type { Form } from './use-form';

/** @param of what frames pass, for people */
export function ImpairmentFields<V extends Values>({ form, of }: { form: Form<V>; of: string }) {
  return (
    <Group title="Impairment">
      <CheckField
        form={form}
        name="impaired"
        label={`Impair what passes ${of}`}
        hint="As netem(8) does, each direction by itself; for tests of bad lines."
      />
      {form.values.impaired === true && (
        <div className="fields">
          {impairmentMembers.map(([key, label, placeholder]) => (
            <NumberField
              key={key}
              form={form}
              name={`impairment.${key}`}
              label={label}
              placeholder={placeholder}
            />
          ))}
        </div>
      )}
    </Group>
  );
}
