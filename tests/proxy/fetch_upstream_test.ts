import { makeFetchUpstream } from "../../src/proxy/fetch_upstream.ts";
import { upstreamSuite } from "./upstream_suite.ts";
import { FETCH } from "./upstream_suite_support.ts";

upstreamSuite(
  "over fetch",
  ({ origin, prefix, timeoutMs, clock }) => makeFetchUpstream({ origin, prefix, timeoutMs }, clock),
  FETCH,
);
