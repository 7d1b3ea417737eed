import { useState, type ReactNode } from 'react';
import type { NewToken } from '@v3vee/contracts';
import { NewTokenDialog } from './new-token-dialog';
import { SecretDialog } from './secret-dialog';

/** Asks for what a token is to be, then shows it, once. */
export function useTokenMaking(onDone: () => void): { begin: (user?: string) => void; dialog: ReactNode } {
  const [asking, setAsking] = useState<{ user?: string }>();
  // Nowhere else: it is gone with the dialog.
  const [made, setMade] = useState<NewToken>();
  return {
    begin: user => setAsking({ user }),
    dialog: (
      <>
        {asking && (
          <NewTokenDialog
            user={asking.user}
            onMade={token => {
              setMade(token);
              onDone();
            }}
            onClose={() => setAsking(undefined)}
          />
        )}
        {made && !asking && <SecretDialog made={made} onClose={() => setMade(undefined)} />}
      </>
    ),
  };
}
