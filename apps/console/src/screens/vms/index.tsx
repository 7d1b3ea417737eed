import { useState } from 'react';
import { useOverview, useWhyRefused } from '../../app-context';
import { haveAll, wordsOf } from '../../model/words';
import { CreateDialog } from '../../vm-actions/machine-dialogs';
import { Icon } from '../../ui/icon';
import { Panel } from '../../ui/panel';
import type { ScreenProps } from '../screen';
import { VmDetail } from '../vm';
import { VmTable } from './vm-table';

export function VmsScreen({ path: [name, tab] }: ScreenProps) {
  return name === undefined ? <VmList /> : <VmDetail name={name} tab={tab} />;
}

function VmList() {
  const { known } = useOverview(['vms']);
  const [filter, setFilter] = useState('');
  const [isCreating, setCreating] = useState(false);
  const refusal = useWhyRefused()('createVm');
  const words = wordsOf(filter);
  const shown = known.vms?.filter(vm => haveAll(words, vm.name, vm.host, vm.state, vm.image));
  return (
    <>
      <div className="screen-head">
        <h1>Virtual machines</h1>
        <div className="row">
          <input
            type="search"
            aria-label="Filter by name, host, state or image"
            placeholder="Filter"
            value={filter}
            onChange={event => setFilter(event.target.value)}
          />
          <button
            type="button"
            className="button primary"
            disabled={refusal !== undefined}
            title={refusal}
            onClick={() => setCreating(true)}
          >
            <Icon name="plus" /> New…
          </button>
        </div>
      </div>
      <Panel flush>
        {known.vms && known.vms.length > 0 && shown?.length === 0 ? (
          <p className="empty">None matches “{filter}”.</p>
        ) : (
          <VmTable vms={shown} label="Virtual machines" />
        )}
      </Panel>
      {isCreating && <CreateDialog onClose={() => setCreating(false)} />}
    </>
  );
}
