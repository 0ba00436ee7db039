/**
 * The text of `--help`.
 *
 * @module
 */

import { RELAY_DEFAULTS } from "../experiments/relay/options.ts";
import { KILL_LIMIT, RATE_LIMIT, WORKER_LIMIT } from "../experiments/supervisor/options.ts";
import { COUNT_LIMIT } from "./command_line.ts";
import { TIMEOUT_LIMIT } from "./values.ts";

/** The part of the text that is about the experiments. */
export const EXPERIMENTS_HELP =
  `fdpass: does an AF_PACKET socket survive being passed to an unprivileged process?

Usage: fdpass [OPTIONS] INTERFACE
       fdpass inspect [OPTIONS] PID…

A privileged parent opens an AF_PACKET socket and passes it over a Unix socket (SCM_RIGHTS) to a
child. The child drops all privileges and keeps receiving. Every claim is a check that can fail.
inspect asks the same of a daemon that is already running.

Options:
  -e, --experiment NAME   privilege-drop (default), authority, io-uring, receive-paths,
                          supervisor, relay, or all; may be repeated
  -l, --list              list the experiments, each with the question that it answers;
                          with -v, also the explanations of their checks
      --explain ID        explain a check: its claim, why it matters, what would refute it, sources
  -n, --count N           packets to receive, 1 to ${COUNT_LIMIT} (5)
  -t, --timeout SECONDS   time limit of each experiment, up to ${TIMEOUT_LIMIT}
                          (10; authority, receive-paths, supervisor 60)
  -u, --user USER[:GROUP] user that the child becomes, by name or number (nobody:65534);
                          FIRST-LAST[:GROUP] gives each worker of the supervisor its own uid
      --stimulus IFACE    interface to inject frames on (default: the veth peer of INTERFACE, if it
                          is here), or none
      --receive PATH      how the worker receives: recvmsg (default), recvfrom, recvmmsg, tpacket-v3
                          (default of relay), io-uring, io-uring-multishot; receive-paths then tests
                          this one alone; io-uring and supervisor ignore it
      --workers N         number of workers of the supervisor, 1 to ${WORKER_LIMIT} (2)
      --fanout MODE       how frames are shared among its workers: hash (default), cpu, lb, qm
      --kills N           number of times that a worker is killed, 1 to ${KILL_LIMIT} (10)
      --rate N            frames per second sent to the workers, 100 to ${RATE_LIMIT} (2000)
      --from GROUP:PORT   group and port to relay from (${RELAY_DEFAULTS.from});
                          SOURCE@GROUP:PORT for one source alone
      --to GROUP:PORT     group and port to relay to (${RELAY_DEFAULTS.to})
      --out IFACE         egress interface of the relay (a veth pair to a receiver in its own
                          network namespace)
      --harden            apply all protections to the worker; it can then only receive
      --json              print the evidence as one JSON object
      --tap               print the evidence as KTAP, as the kernel's own selftests do
      --report FILE.html  write a page for reviewers: one file, with a sequence diagram of this run
      --pcap FILE.pcapng  write the packets that the child received, for Wireshark
      --force             replace files that exist; without it, nothing is overwritten
      --trace             print every libc call of parent and child on standard error, with its
                          structures field by field
  -q, --quiet             print only the verdict
  -v, --verbose           print the evidence of every check
      --no-color          no colour; NO_COLOR, a pipe and TERM=dumb do the same
  -h, --help              print this text
      --version           print the version

`;

/** The part of the text that is about inspect. */
export const INSPECT_HELP =
  `Options of inspect, which reports what the kernel says of running processes, with a verdict each:
      --expect WHAT       what must hold: dropped (no privilege is left, and none can be regained;
                          default) or confined (also, it can only receive; needs --ask)
      --ask               stop the process for some milliseconds, read its system call filters, and
                          ask in its threads; without it, nothing is stopped or changed
      --tree              inspect the descendants of each process too
      --groups LIST       groups that a process may have beside its own: names or numbers, with
                          commas between them
Beside these it has --timeout (of each process), --json, --tap, --report, --force, --explain, -q,
-v, --no-color, -h and --version. An interface of that name is reached by: fdpass -- inspect

`;

/** The text that `--help` prints. */
export const HELP = `${EXPERIMENTS_HELP}${INSPECT_HELP}Exit status:
  0   PASS: every check holds
  1   FAIL: a claim is refuted, or the child died, fell silent or broke the protocol
  2   an argument is wrong
  4   could not be answered here: no privileges, no traffic, too little time, an interrupted run, a
      kernel feature or a permission missing
  70  a defect of fdpass itself

Examples:
  scripts/netns.sh                    on a veth pair in a private network namespace
  scripts/netns.sh --json -n 100      there, with options
  scripts/fdpass.sh eth0              on an existing interface
  sudo deno run -A main.ts eth0       the same, by the deno on root's PATH
  scripts/fdpass.sh inspect --ask $(pgrep tcpdump)
                                      a process that is running
`;
