/**
 * Lowers its own limit of open descriptors, and runs into it.
 *
 * @module
 */

import {
  AF_UNIX,
  errnoName,
  errnoOf,
  RLIMIT_NOFILE,
  setrlimit,
  SOCK_DGRAM,
  socket,
} from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

const LIMIT = 100;
setrlimit(RLIMIT_NOFILE, LIMIT);
let highest = 0;
const end = errnoOf(() => {
  for (;;) highest = socket(AF_UNIX, SOCK_DGRAM, 0);
});
printJson({ highest, end: errnoName(end) });
