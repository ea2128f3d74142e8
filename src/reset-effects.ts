/** What a restart does, in words. */
import type { ResetScope } from './state/reset-scope.ts';

export const effects: Readonly<Record<ResetScope, string>> = {
  None: 'provisioning goes on where it was',
  ConnectorDataStore: 'everyone is matched with the accounts in Maptician anew',
  Escrows: 'failures are forgotten, and not tried again before something changes',
  Watermark: 'everything is read anew, from Entra and from Maptician',
  QuarantineState: 'the quarantine is lifted',
  Full: '',
  ForceDeletes: 'what is held now is carried out',
};
