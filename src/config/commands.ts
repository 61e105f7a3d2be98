/**
 * The commands of the program, as data: for reading the arguments and for the help.
 */

/** The commands and what they do, in the order of `--help`. */
export const COMMANDS = {
  serve: "serve requests (the default)",
  check: "validate the configuration, show it and where each value came from; start nothing",
  health: "check whether the running instance is ready; exit code 0 or 1",
  demo: "start a development provider, an upstream and the proxy, without any settings",
  version: "print the version",
  help: "print this text; help all: every setting; help NAME: one setting or command whole",
} as const;

/** One of the commands. */
export type Command = keyof typeof COMMANDS;

/** The flags of `demo` alone. */
export const DEMO_FLAGS = {
  "once": "send one request through, show it, and stop",
  "provider-port": "port of the development provider",
  "upstream-port": "port of the upstream",
  "proxy-port": "port of the proxy",
} as const;

/** Whether a word is one of the commands. */
export function isCommand(text: string): text is Command {
  return Object.hasOwn(COMMANDS, text);
}
