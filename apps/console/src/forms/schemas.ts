/**
 * The contract's own schemas, so that a form says of its fields what the gateway would. They are heavy: this module is
 * loaded when the first form is opened.
 */
import './no-eval';
import {
  accessPointPatch,
  accessPointSpec,
  imageImport,
  linkProblem,
  networkSpec,
  nicSettingsPatch,
  nicSpec,
  projectPatch,
  projectSpec,
  serviceProblem,
  tokenSpec,
  userPatch,
  userSpec,
  validate,
  V3Error,
  vnetLinkPatch,
  vnetLinkSpec,
  vnetRouteSpec,
  type FieldError,
  type NetworkSpec,
  type VnetLinkSpec,
} from '@v3vee/contracts';
import type { z } from 'zod';
import type { FormName } from './form-model';

interface Rules {
  schema: z.ZodType;
  /** What no single field shows. */
  beyond?: (body: never) => FieldError | undefined;
}

const forms: Record<FormName, Rules> = {
  network: {
    schema: networkSpec,
    beyond: (body: NetworkSpec) => {
      const message = serviceProblem(body);
      return message === undefined ? undefined : { path: 'subnet', message };
    },
  },
  link: { schema: vnetLinkSpec, beyond: (body: VnetLinkSpec) => linkProblem(body) },
  linkPatch: { schema: vnetLinkPatch },
  route: { schema: vnetRouteSpec },
  accessPoint: { schema: accessPointSpec },
  accessPointPatch: { schema: accessPointPatch },
  // Digests are of files that are not yet sent.
  image: { schema: imageImport.omit({ kernel: true, initrd: true }) },
  nic: { schema: nicSpec },
  nicSettings: { schema: nicSettingsPatch },
  project: { schema: projectSpec },
  projectPatch: { schema: projectPatch },
  user: { schema: userSpec },
  userPatch: { schema: userPatch },
  token: { schema: tokenSpec },
};

/** What is wrong with a request's body, in the gateway's words. */
export function check(form: FormName, body: object): FieldError[] {
  const { schema, beyond } = forms[form];
  try {
    const taken = validate(schema, body);
    const problem = beyond?.(taken as never);
    return problem ? [problem] : [];
  } catch (thrown) {
    return V3Error.from(thrown).fields ?? [];
  }
}
