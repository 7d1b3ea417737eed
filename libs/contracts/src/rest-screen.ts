/** Screen and keyboard's part of the REST table. */
import { endpoint, nothing } from './rest-endpoint';
import { vmKeys, vmScreen } from './screen';

export const screenEndpoints = {
  vmScreen: endpoint({
    method: 'GET',
    path: '/vms/{vm}/screen',
    summary: 'What is on its screen',
    tag: 'vms',
    access: ['viewer', 'vm'],
    response: vmScreen,
    status: 200,
    errors: ['VM_NOT_FOUND', 'VM_WRONG_STATE', 'HOST_NOT_READY'],
  }),
  typeVm: endpoint({
    method: 'POST',
    path: '/vms/{vm}:type',
    summary: 'Press keys of its PS/2 keyboard',
    tag: 'vms',
    access: ['operator', 'vm'],
    body: vmKeys,
    response: nothing,
    status: 200,
    errors: ['VM_NOT_FOUND', 'VM_WRONG_STATE', 'VM_BUSY', 'HOST_NOT_READY'],
  }),
} as const;
