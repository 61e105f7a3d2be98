import { withDefaults } from "./provider.ts";
import { type Config, namesWith, rowOf, valuesOf } from "./schema.ts";

/** The files that settings name, in the table's order; those of secrets apart. */
export interface NamedFiles {
  /** Read at the start and at a reload. */
  readonly atStart: readonly string[];
  /** Read whenever they are needed. */
  readonly whenNeeded: readonly string[];
}

/** Finds those files, defaults of kinds of providers included. */
export function filesNamedBy(config: Config): NamedFiles {
  const [first, ...more] = config.providers;
  const whole: Config = {
    ...config,
    providers: [withDefaults(first), ...more.map(withDefaults)],
  };
  const paths = (fact: true | "read when needed") =>
    namesWith("file").filter((name) => rowOf(name).file === fact)
      .flatMap((name) => valuesOf(whole, name))
      .filter((path) => typeof path === "string");
  return { atStart: paths(true), whenNeeded: paths("read when needed") };
}
