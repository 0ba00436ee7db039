/**
 * Drops privileges as its argument says, then prints the credentials of every thread and what is
 * still possible.
 *
 *     drop_privileges.ts real | effective-only
 *
 * @module
 */

import {
  AF_PACKET,
  capget,
  close,
  dropPrivileges,
  errnoName,
  errnoOf,
  getgroups,
  getresgid,
  getresuid,
  setgroups,
  setresuid,
  SOCK_RAW,
  socket,
  SystemError,
  tryToRegainRoot,
  UNCHANGED,
} from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";

const NOBODY = { uid: 65534, gid: 65534 };

function packetSocket(): string {
  const errno = errnoOf(() => close(socket(AF_PACKET, SOCK_RAW, 0)));
  return errno === 0 ? "created" : errnoName(errno);
}

/** The credentials in the status of every thread; equal threads once, with their number. */
function threads(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { name: tid } of Deno.readDirSync("/proc/self/task")) {
    const credentials = Deno.readTextFileSync(`/proc/self/task/${tid}/status`).split("\n")
      .filter((line) => /^(Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapAmb):/.test(line))
      .map((line) => line.trim().replace(/\s+/g, " ")).join(", ");
    counts[credentials] = (counts[credentials] ?? 0) + 1;
  }
  return counts;
}

function secondDrop(): string {
  try {
    dropPrivileges(NOBODY);
    return "accepted";
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return error.message;
  }
}

setgroups([42, 7]);
const before = { groups: getgroups(), packetSocket: packetSocket() };

if (Deno.args[0] === "real") dropPrivileges(NOBODY);
else setresuid(UNCHANGED, NOBODY.uid, UNCHANGED); // as seteuid(2) does

printJson({
  before,
  packetSocket: packetSocket(),
  threads: threads(),
  regained: tryToRegainRoot().map(({ call, errno }) => `${call}: ${errno && errnoName(errno)}`),
  uid: getresuid(),
  gid: getresgid(),
  groups: getgroups(),
  effective: Number(capget().effective),
  secondDrop: secondDrop(),
});
