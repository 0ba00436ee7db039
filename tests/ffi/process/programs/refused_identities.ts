/**
 * Tries drops to ids that drop nothing, and prints how each was refused, and the credentials
 * afterwards.
 *
 *     refused_identities.ts ID…
 *
 * @module
 */

import { dropPrivileges, getresgid, getresuid, type Identity } from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

function refusal(identity: Identity): string {
  try {
    dropPrivileges(identity);
    return "accepted";
  } catch (error) {
    return String(error);
  }
}

const ids = Deno.args.map(Number);
printJson({
  asUid: ids.map((uid) => refusal({ uid, gid: 65534 })),
  asGid: ids.map((gid) => refusal({ uid: 65534, gid })),
  uid: getresuid(),
  gid: getresgid(),
});
