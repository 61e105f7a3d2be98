/**
 * Parsers for lists of texts.
 */
import { fail, ok, type Result } from "../result.ts";
import { quote } from "../text.ts";
import { type Kind, parseJson, type Refusal } from "./kinds.ts";

/** Characters of a scope (RFC 6749, section 3.3); it goes into a header. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/**
 * Texts, none empty and none twice: a JSON array of strings, or one line with commas between them. White
 * space around a comma does not count; a text with a comma, or with white space at an end, needs JSON.
 *
 * @param what names the members, such as `subjects`.
 */
export function textList(what = "texts"): Kind<readonly string[]> {
  return {
    accepts: `${what} separated by commas, or as a JSON array`,
    showExample: true,
    list: true,
    parse(given) {
      if (isJson(given)) return fromJson(given);
      const members = given.split(",").map((member) => member.trim());
      const quoted = members.find((member) => /^["']|["']$/.test(member));
      if (quoted !== undefined) return fail({ hint: 'quotes belong to JSON alone: ["a", "b"]' });
      return distinct(members);
    },
  };
}

/** Scopes, none twice: one line with blanks between them, or a JSON array of strings. */
export function scopeList(): Kind<readonly string[]> {
  return {
    accepts: "scopes separated by blanks, or as a JSON array",
    showExample: true,
    list: true,
    parse(given) {
      const scopes = isJson(given)
        ? fromJson(given)
        : distinct(given.split(" ").filter((scope) => scope !== ""));
      if (!scopes.ok) return scopes;
      const wrong = scopes.value.find((scope) => !SCOPE.test(scope));
      if (wrong !== undefined) {
        return fail({
          hint: `${quote(wrong)} is no scope: visible ASCII characters without " and \\ ` +
            "(RFC 6749, section 3.3)",
        });
      }
      if (!isJson(given) && given.includes(",")) {
        return fail({ hint: 'blanks separate scopes; one with a comma needs JSON: ["a,b"]' });
      }
      return scopes;
    },
  };
}

function isJson(given: string): boolean {
  return /^\s*\[/.test(given);
}

function fromJson(given: string): Result<readonly string[], Refusal> {
  const value = parseJson(given);
  if (!Array.isArray(value)) return fail({ hint: 'this is no JSON array: ["a", "b"]' });
  const members: readonly unknown[] = value;
  const texts = members.filter((member) => typeof member === "string");
  if (texts.length < members.length) return fail({ hint: "every member has to be a text" });
  return distinct(texts);
}

function distinct(members: readonly string[]): Result<readonly string[], Refusal> {
  if (members.length === 0) return fail({ hint: "the list is empty" });
  if (members.includes("")) return fail({ hint: "one of them is empty" });
  const twice = members.find((member, at) => members.indexOf(member) !== at);
  return twice === undefined ? ok(members) : fail({ hint: `${quote(twice)} stands twice` });
}
