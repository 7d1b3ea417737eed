import { VirtioBalloon, type DeviceClasses } from '@v3vee/devices';

/** Device classes that each host has. */
export function registerBuiltIn(classes: DeviceClasses): void {
  classes.registerDevice('virtio-balloon', context => {
    const surplus = Object.keys(context.options);
    if (surplus.length > 0) context.refuse(`it takes no options, not ${surplus.join(', ')}`);
    const balloon = new VirtioBalloon();
    context.plugVirtio(balloon);
    // Its transport is saved, and it with that.
    return { save: () => ({ version: 1 }), restore: () => undefined, balloon };
  });
}
