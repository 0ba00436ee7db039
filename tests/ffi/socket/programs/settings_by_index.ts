/**
 * Renames an interface, gives its name to another, and changes and deletes the first by its
 * ifindex.
 *
 * @module
 */

import {
  deleteLink,
  errnoName,
  errnoOf,
  if_nametoindex,
  IPV4_DEVCONF_RP_FILTER,
  setIpv4Setting,
} from "../../../../ffi/mod.ts";
import { printJson } from "../../programs/print_json.ts";
import { ip } from "../../programs/veth.ts";

const shown = (name: string) =>
  Deno.readTextFileSync(`/proc/sys/net/ipv4/conf/${name}/rp_filter`).trim();
const set = (value: number) => setIpv4Setting(ifindex, IPV4_DEVCONF_RP_FILTER, value);

ip("link", "add", "near", "type", "veth", "peer", "name", "peer");
Deno.writeTextFileSync("/proc/sys/net/ipv4/conf/near/rp_filter", "0");
const ifindex = if_nametoindex("near");
const before = shown("near");
ip("link", "set", "near", "name", "other");
ip("link", "add", "near", "type", "veth", "peer", "name", "far");
Deno.writeTextFileSync("/proc/sys/net/ipv4/conf/near/rp_filter", "0");
set(2);
const [renamed, replacement] = [shown("other"), shown("near")];
deleteLink(ifindex);
const settingGone = errnoName(errnoOf(() => set(1)));
const deletedAgain = errnoName(errnoOf(() => deleteLink(ifindex)));
const names = Deno.readTextFileSync("/proc/self/net/dev").trim().split("\n").slice(2)
  .map((line) => line.split(":")[0].trim());
printJson({
  before,
  renamed,
  replacement,
  settingGone,
  deletedAgain,
  names,
});
