/**
 * One setting, at the top or inside a table: from the texts that were found to a value or a problem.
 */
import type { Result } from "../result.ts";
import { printable, quote } from "../text.ts";
import type { Problem } from "./problems.ts";
import { expectation, type Field } from "./row.ts";
import type { Entry } from "./entries.ts";

/** Reads the file of a secret; the failure is a short reason, such as `no such file`. */
export type ReadFile = (path: string) => Result<string, string>;

/** The outcome for one setting. */
export type Resolved =
  | { readonly state: "value"; readonly value: unknown; readonly entry: Entry }
  | { readonly state: "unset" }
  | { readonly state: "wrong"; readonly problem: Problem };

/** A setting and what problems call it. */
export interface Subject {
  /** Such as `CLIENT_SECRET` or `provider[2].client_secret`. */
  readonly label: string;
  /** The same for the name of a file with its value. */
  readonly fileLabel: string;
  readonly row: Field<unknown>;
}

/** What was found for it. */
export interface Found {
  readonly direct: Entry | undefined;
  /** The name of a file with the value; only a secret has one. */
  readonly named: Entry | undefined;
}

/** Takes the value, the file's content or the default, and checks it by the row's own parser. */
export function resolve(subject: Subject, { direct, named }: Found, readFile: ReadFile): Resolved {
  const { label, fileLabel, row } = subject;
  if (direct !== undefined && named !== undefined) {
    return wrong({
      setting: label,
      source: direct.source,
      fault: `given twice, also by ${named.source}`,
      expected: `${label} or ${fileLabel}, not both`,
    });
  }
  if (named !== undefined) return fromFile(subject, named, readFile);
  if (direct !== undefined) return check(subject, direct);
  if (row.default === undefined) return { state: "unset" };
  return check(subject, { text: row.default, source: "default" });
}

/** A value as a text that may be shown. */
export function show(row: Field<unknown>, entry: Entry | undefined): string {
  if (entry === undefined) return "(not set)";
  return row.secret === true ? "***" : printable(entry.text);
}

/** The path is not shown: someone may have put the secret itself there. */
function fromFile(subject: Subject, named: Entry, readFile: ReadFile): Resolved {
  const problem = { setting: subject.fileLabel, source: named.source };
  if (named.wrongType !== undefined) {
    return wrong({ ...problem, found: named.wrongType, expected: "the path of a file" });
  }
  const content = readFile(named.text);
  if (!content.ok) {
    const reason = printable(content.failure.replaceAll(named.text, "…"));
    return wrong({ ...problem, fault: `the file cannot be read (${reason})` });
  }
  const text = content.value.replace(/\r?\n$/, "");
  if (text === "") return wrong({ ...problem, fault: "the file is empty" });
  return check(subject, { text, source: named.source });
}

function check({ label, row }: Subject, entry: Entry): Resolved {
  const problem = { setting: label, source: entry.source, expected: expectation(row) };
  if (entry.wrongType !== undefined) return wrong({ ...problem, found: entry.wrongType });
  const parsed = row.parse(entry.text);
  if (parsed.ok) return { state: "value", value: parsed.value, entry };
  const hint = parsed.failure.hint ?? wrappingHint(row, entry.text);
  return wrong({
    ...problem,
    ...(row.secret === true ? {} : { found: quote(row.mask?.(entry.text) ?? entry.text) }),
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Env files and shells leave quotes and line ends around values. */
function wrappingHint(row: Field<unknown>, text: string): string | undefined {
  const bare = text.trim().replace(/^(["'])(.+)\1$/s, "$2");
  return bare !== text && row.parse(bare).ok
    ? "remove the quotes or white space around the value"
    : undefined;
}

function wrong(problem: Problem): Resolved {
  return { state: "wrong", problem };
}
