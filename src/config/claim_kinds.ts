/**
 * Parsers for what claims must say.
 */
import { fail, ok, type Result } from "../result.ts";
import { quote, repeatsMember } from "../text.ts";
import { type Kind, parseJson, type Refusal } from "./kinds.ts";

/** A value that a claim may be compared with. */
export type Scalar = string | number | boolean;

/** What one claim must say; `policy/claim_rule.ts` compiles it. Lists and texts are not empty. */
export type ClaimRule = Condition & {
  /** The claim's name, or the names on the way to it through objects. A dot in a name is part of it. */
  readonly path: readonly string[];
};

/** What a claim is compared with, without its name. */
type Condition =
  /** One of its values is one of these. */
  | { readonly any: readonly Scalar[] }
  /** Each of these is one of its values. */
  | { readonly all: readonly Scalar[] }
  /** One of its values is a text that matches (`policy/pattern.ts`). */
  | { readonly pattern: string };

type Members = Readonly<Record<string, unknown>>;

/** Ways to say what a claim must be, in an object of the short form and in an entry. */
const CONDITIONS = ["any", "all", "pattern"];
const ENTRY_CONDITIONS = ["value", ...CONDITIONS];

/**
 * JSON: an object from names to what the claims must be, or a list of entries.
 *
 * In the object a value or a list of values is what the claim may be; `{"any": […]}` is the same,
 * `{"all": […]}` and `{"pattern": "…"}` the other ways. A name that is itself the JSON text of a list of
 * texts is a path: `{"[\"realm_access\",\"roles\"]": "reader"}`.
 */
export function claimRules(): Kind<readonly ClaimRule[]> {
  return {
    accepts: "JSON: an object from claims to values, or a list of entries",
    showExample: true,
    list: "structure",
    parse(given) {
      const value = parseJson(given);
      if (value === undefined) return fail({ hint: `JSON in the form ${SHORT_FORM}` });
      if (repeatsMember(given, value)) return fail({ hint: "a name stands twice in one object" });
      return claimRulesOf(value);
    },
  };
}

const SHORT_FORM = '{"tid":["a","b"]}';

/** The same for JSON that has been parsed already. It cannot see that a name stood there twice. */
export function claimRulesOf(value: unknown): Result<readonly ClaimRule[], Refusal> {
  const isList = Array.isArray(value);
  if (!isList && !isObject(value)) return refuse(`an object in the form ${SHORT_FORM}`);
  const members: readonly unknown[] = isList ? value : Object.entries(value);
  if (members.length === 0) return refuse("it names no claim");
  const rules: ClaimRule[] = [];
  for (const [at, member] of members.entries()) {
    const rule = isList ? entryOfList(member, at + 1) : shortRule(...member as [string, unknown]); // of Object.entries
    if (!rule.ok) return rule;
    rules.push(rule.value);
  }
  return ok(rules);
}

/**
 * The rule of one entry, such as a `[[claim]]`: `name` or `path`, and one of `value`, `any`, `all`,
 * `pattern`, with the types that the file gave them.
 */
export function claimRuleOf(entry: Members): Result<ClaimRule, Refusal> {
  const keys = Object.keys(entry);
  const unknown = keys.find((key) => !["name", "path", ...ENTRY_CONDITIONS].includes(key));
  if (unknown !== undefined) return refuse(`unknown member ${quote(unknown)}`);
  const [named, other] = keys.filter((key) => key === "name" || key === "path");
  if (named === undefined) return refuse("an entry needs a name or a path");
  if (other !== undefined) return refuse("an entry has a name or a path, not both");
  const path = named === "name" ? nameOf(entry.name) : pathOf(entry.path);
  if (!path.ok) return path;
  const condition = conditionOf(entry, ENTRY_CONDITIONS, shown(path.value));
  return condition.ok ? ok({ path: path.value, ...condition.value }) : condition;
}

function entryOfList(entry: unknown, number: number): Result<ClaimRule, Refusal> {
  if (!isObject(entry)) return refuse(`entry ${number} is no object`);
  const rule = claimRuleOf(entry);
  return rule.ok ? rule : refuse(`entry ${number}: ${rule.failure.hint ?? "malformed"}`);
}

function shortRule(name: string, wanted: unknown): Result<ClaimRule, Refusal> {
  const path = shortPath(name);
  if (!path.ok) return path;
  const label = shown(path.value);
  const condition = isObject(wanted)
    ? objectCondition(wanted, label)
    : Array.isArray(wanted)
    ? listCondition("any", wanted, label)
    : valueCondition(wanted, label);
  return condition.ok ? ok({ path: path.value, ...condition.value }) : condition;
}

function shortPath(name: string): Result<readonly string[], Refusal> {
  if (!name.startsWith("[")) return nameOf(name);
  const path = parseJson(name);
  return path === undefined
    ? refuse(`${quote(name)} is no JSON list of names; a claim of that name needs an entry`)
    : pathOf(path);
}

function nameOf(name: unknown): Result<readonly string[], Refusal> {
  if (typeof name !== "string") return refuse("the name of a claim is a text");
  return name === "" ? refuse("the name of a claim is empty") : ok([name]);
}

function pathOf(path: unknown): Result<readonly string[], Refusal> {
  if (!Array.isArray(path) || !path.every((name) => typeof name === "string")) {
    return refuse('a path is a list of texts: ["realm_access","roles"]');
  }
  if (path.length === 0) return refuse("a path is empty");
  return path.includes("") ? refuse("a name in a path is empty") : ok(path);
}

function objectCondition(wanted: Members, label: string): Result<Condition, Refusal> {
  const unknown = Object.keys(wanted).find((key) => !CONDITIONS.includes(key));
  if (unknown === undefined) return conditionOf(wanted, CONDITIONS, label);
  return refuse(`${label}: unknown member ${quote(unknown)}, possible are any, all, pattern`);
}

function conditionOf(
  from: Members,
  possible: readonly string[],
  label: string,
): Result<Condition, Refusal> {
  const [key, other] = possible.filter((key) => Object.hasOwn(from, key));
  if (key === undefined) return refuse(`${label}: needs one of ${possible.join(", ")}`);
  if (other !== undefined) return refuse(`${label}: ${key} and ${other} exclude each other`);
  const wanted = from[key];
  if (key === "value") return valueCondition(wanted, label);
  if (key === "any" || key === "all") return listCondition(key, wanted, label);
  return typeof wanted === "string" && wanted !== ""
    ? ok({ pattern: wanted })
    : refuse(`${label}: pattern is a text that is not empty`);
}

function valueCondition(wanted: unknown, label: string): Result<Condition, Refusal> {
  const fault = Array.isArray(wanted) ? "a list is written as any or all" : scalarFault(wanted);
  return fault === undefined ? ok({ any: [wanted as Scalar] }) : refuse(`${label}: ${fault}`);
}

function listCondition(
  key: "any" | "all",
  wanted: unknown,
  label: string,
): Result<Condition, Refusal> {
  if (!Array.isArray(wanted)) return refuse(`${label}: ${key} is a list of values`);
  const values: readonly unknown[] = wanted;
  if (values.length === 0) return refuse(`${label}: the list is empty`);
  const fault = values.map(scalarFault).find((fault) => fault !== undefined);
  if (fault !== undefined) return refuse(`${label}: ${fault}`);
  const scalars = values as readonly Scalar[]; // none has a fault
  return ok(key === "any" ? { any: scalars } : { all: scalars });
}

function scalarFault(value: unknown): string | undefined {
  if (typeof value === "string" || typeof value === "boolean") return undefined;
  // Beyond it several numbers of a token would be read as one.
  const isExact = Number.isFinite(value) &&
    (!Number.isInteger(value) || Number.isSafeInteger(value));
  if (isExact) return undefined;
  if (typeof value === "number" || typeof value === "bigint") {
    return "the number is too large to be compared exactly";
  }
  return value === null ? "null is no value" : "a value is a text, a number, true or false";
}

function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}

/** How a hint names a claim. */
function shown(path: readonly string[]): string {
  return quote(path.join(" → "));
}

function refuse(hint: string): Result<never, Refusal> {
  return fail({ hint });
}
