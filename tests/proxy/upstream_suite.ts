/**
 * What every transport to the upstream has to hold, as tests of the interface `Upstream`. Each
 * transport calls `upstreamSuite` once, with what it can keep.
 */
import { responseTests } from "./upstream_suite_responses.ts";
import { failureTests } from "./upstream_suite_failures.ts";
import { requestTests } from "./upstream_suite_requests.ts";
import { waitTests } from "./upstream_suite_waits.ts";
import { uploadTests } from "./upstream_suite_uploads.ts";
import { type Capabilities, makeSuite, type MakeUpstream } from "./upstream_suite_support.ts";

/** Registers all tests over one transport; `name` comes before their sentences. */
export function upstreamSuite(name: string, make: MakeUpstream, capabilities: Capabilities): void {
  const suite = makeSuite(name, make, capabilities);
  requestTests(suite);
  uploadTests(suite);
  responseTests(suite);
  failureTests(suite);
  waitTests(suite);
}
