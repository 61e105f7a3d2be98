/** What the operator asks a running process for. */
export interface Signals {
  /** Resolves at the first SIGTERM or SIGINT. */
  readonly stop: Promise<Deno.Signal>;
  /** Stops listening for signals. */
  close(): void;
}

const STOP: readonly Deno.Signal[] = ["SIGTERM", "SIGINT"];

/** Listens for the signals of this process. */
export function listenForSignals(): Signals {
  const stop = Promise.withResolvers<Deno.Signal>();
  const listeners = STOP.map((name) => ({ name, action: () => stop.resolve(name) }));
  for (const { name, action } of listeners) Deno.addSignalListener(name, action);
  return {
    stop: stop.promise,
    close() {
      for (const { name, action } of listeners) Deno.removeSignalListener(name, action);
    },
  };
}
