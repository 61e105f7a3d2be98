import { KeyBroker, type KeyBrokerDeps, type KeySettings } from "./key_broker.ts";

/** A broker for each provider, by its name. */
export type KeyBrokers = ReadonlyMap<string, KeyBroker>;

/** What brokers depend on; the log of each is made for its provider. */
export interface KeyBrokersDeps extends Omit<KeyBrokerDeps, "log"> {
  readonly logFor: (provider: string) => KeyBrokerDeps["log"];
}

/**
 * Makes a broker for each provider. One of `before` that serves the same provider under the same name is
 * kept, keys included; its other settings change with `adoptAll`.
 */
export function openBrokers(
  wanted: readonly KeySettings[],
  { logFor, ...deps }: KeyBrokersDeps,
  before: KeyBrokers = new Map(),
): KeyBrokers {
  return new Map(wanted.map((settings) => {
    const { name } = settings;
    const kept = before.get(name);
    const broker = kept?.serves(settings)
      ? kept
      : new KeyBroker(settings, { ...deps, log: logFor(name) });
    return [name, broker];
  }));
}

/** Applies the settings that do not concern which provider it is. */
export function adoptAll(brokers: KeyBrokers, wanted: readonly KeySettings[]): void {
  for (const settings of wanted) brokers.get(settings.name)?.adopt(settings);
}

/** Closes those that are not among the others. */
export function closeBrokers(brokers: KeyBrokers, but: KeyBrokers = new Map()): void {
  for (const [name, broker] of brokers) if (but.get(name) !== broker) broker.close();
}
