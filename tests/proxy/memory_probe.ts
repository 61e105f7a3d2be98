/**
 * A program of its own for `flat_memory_test.ts`: the whole proxy with the settings of its first
 * argument, printing its address, then its memory (bytes) every few milliseconds.
 */
import { startTestProxy } from "../support/proxy.ts";

const settings: Readonly<Record<string, string>> = JSON.parse(Deno.args[0] ?? "{}");
const proxy = await startTestProxy(settings);
const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
print(`port ${proxy.port}`);
setInterval(() => print(`rss ${Deno.memoryUsage().rss}`), 10);
