/** What can go wrong when the provider is asked for its keys. */
export interface ProviderTrouble {
  readonly kind:
    | "unreachable"
    | "timeout"
    | "status"
    | "redirect"
    | "too_large"
    | "not_json"
    | "bad_document"
    | "wrong_issuer"
    | "no_keys";
  /** What was asked. */
  readonly url: string;
  /** What happened, as the predicate of a sentence whose subject is the URL. */
  readonly text: string;
  /** What the operator can do about it, where that is known. */
  readonly todo?: string;
}
