/**
 * Makes a veth pair, `near` and `far`, runs commands of ip(8), and prints what a LinkMonitor has
 * reported of `near` meanwhile. `OTHER` in a command is a process in another network namespace.
 *
 *     monitored.ts [small] COMMAND…
 *
 * With `small` the queue of the monitor holds only a few messages.
 *
 * @module
 */

import {
  if_nametoindex,
  type LinkMessage,
  LinkMonitor,
  setsockopt,
  SO_RCVBUF,
  SOL_SOCKET,
} from "../../../../ffi/mod.ts";
import { OtherNamespace } from "../../programs/other_namespace.ts";
import { printJson } from "../../programs/print_json.ts";
import { ip } from "../../programs/veth.ts";

const isSmall = Deno.args[0] === "small";
const commands = Deno.args.slice(isSmall ? 1 : 0);
ip("link", "add", "near", "type", "veth", "peer", "name", "far");
ip("link", "set", "near", "up");
ip("link", "set", "far", "up");
const ifindex = if_nametoindex("near");
using monitor = new LinkMonitor();
if (isSmall) setsockopt(monitor.fd, SOL_SOCKET, SO_RCVBUF, 4096);

const messages: LinkMessage[] = [];
let overflows = 0;
using other = new OtherNamespace();
function takeAll(): void {
  for (let taken = monitor.take(); taken !== undefined; taken = monitor.take()) {
    if (taken === "overflow") overflows++;
    else messages.push(...taken);
  }
}
for (const command of commands) ip(...command.replace("OTHER", String(other.pid)).split(" "));
takeAll();
if (overflows > 0) {
  monitor.request(ifindex);
  takeAll();
}
const isOfNear = (each: LinkMessage) =>
  (each.kind === "state" ? each.state.ifindex : each.ifindex) === ifindex;
printJson({ ifindex, overflows, messages: messages.filter(isOfNear) });
