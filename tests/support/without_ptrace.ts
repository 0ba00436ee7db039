/**
 * fdpass without ptrace, to run under `strace -f`, which must be the child's only tracer: it
 * neither stops the child nor asks in its threads.
 *
 *     strace -f … deno run -A tests/support/without_ptrace.ts ARG…
 *
 * Everything else is unchanged. Each question counts as answered rightly.
 *
 * @module
 */

import { Errno, openDescriptors } from "../../ffi/mod.ts";
import { examineDescriptors } from "../../lib/inspect/descriptors/descriptors.ts";
import { linksOfPacketSockets } from "../../lib/inspect/sockets/packet_sockets.ts";
import { threadCredentials } from "../../lib/inspect/threads/threads.ts";
import { Child } from "../../lib/harness/child.ts";
import { main } from "../../main.ts";

const { EPERM } = Errno;
const REFUSED = { socket: EPERM, setgroups: EPERM, setresgid: EPERM, setresuid: EPERM };

Child.prototype.look = function ({ ask }) {
  const descriptors = examineDescriptors(this.pid, {
    packetSockets: linksOfPacketSockets(),
    ownLinks: new Set(openDescriptors("self").values()),
  });
  const threads = threadCredentials(this.pid);
  const answer = ({ tid }: { tid: number }) => ({
    tid,
    asItIs: REFUSED,
    beneath: null,
    usedRing: false,
  });
  return {
    processes: [this.pid],
    threads,
    descriptors,
    footholds: [],
    packetSockets: descriptors.filter(({ kind }) => kind === "packet")
      .map(({ refersTo }) => refersTo),
    control: ask === "packet-socket" ? 0 : null,
    answers: ask === "everything" ? threads.map(answer) : [],
    questioned: 0,
  };
};

Deno.exit(await main(Deno.args));
