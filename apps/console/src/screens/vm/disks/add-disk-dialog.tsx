import { useState } from 'react';
import type { Disk, Vm } from '@v3vee/contracts';
import { useApp } from '../../../app-context';
import { FormDialog } from '../../../ui/dialog';
import { withDisk } from './definition';

/** A blank disk, or one that is a copy of an image. */
export function AddDiskDialog({
  vm,
  images,
  onAdded,
  onClose,
}: {
  vm: Vm;
  images: readonly Disk[];
  onAdded: () => void;
  onClose: () => void;
}) {
  const { rest } = useApp();
  const [name, setName] = useState('data');
  const [image, setImage] = useState('');
  const [size, setSize] = useState('256');
  const [mount, setMount] = useState('');
  const add = async () => {
    const source = image ? { image } : { size: Number(size) };
    const added = { name, ...source, ...(mount && { mount }) };
    await rest.call('updateVm', { vm: vm.id }, { body: { disks: withDisk(vm.disks, added) } });
    onAdded();
  };
  return (
    <FormDialog
      title={`Add a disk to ${vm.name}`}
      submit="Add"
      isReady={name !== ''}
      onSubmit={add}
      onClose={onClose}
    >
      <label className="field">
        Name
        <input required autoFocus value={name} onChange={event => setName(event.target.value)} />
      </label>
      <label className="field">
        Made of
        <select value={image} onChange={event => setImage(event.target.value)}>
          <option value="">nothing: it is blank</option>
          {images.map(each => (
            <option key={each.name} value={each.name}>
              image {each.name}
            </option>
          ))}
        </select>
      </label>
      {image === '' && (
        <label className="field">
          Size, MiB
          <input
            type="number"
            min="1"
            max="65536"
            required
            value={size}
            onChange={event => setSize(event.target.value)}
          />
        </label>
      )}
      <label className="field">
        Mounted at
        <input placeholder={`/mnt/${name}`} value={mount} onChange={event => setMount(event.target.value)} />
        <small>By guests of built-in images, at their next start.</small>
      </label>
    </FormDialog>
  );
}
