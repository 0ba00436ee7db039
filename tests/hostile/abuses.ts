/**
 * What a child may do that somebody else has taken over, by name: everything that it can say, send, hold or leave behind. Each is done by a real
 * child, which then goes on as if nothing were amiss: a parent that takes it comes to a PASS, and the test to a failure.
 *
 * @module
 */

import {
  cString,
  dup,
  libc,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  posix_spawn,
  sendDescriptors,
  shutdown,
  SystemError,
} from "../../ffi/mod.ts";
import type { ChildRun } from "../../lib/harness/child_run.ts";
import { sendMessage } from "../../lib/harness/channel.ts";
import { ExperimentError } from "../../lib/evidence/errors.ts";
import { sleep } from "../refutations/refutation.ts";

/** One hostile deed. */
export interface Hostile {
  readonly what: string;
  /** What the run says of it: of the message, the call, the end that is wrong. */
  readonly says: RegExp;
  /** At which stage of `privilege-drop` it is done, instead of saying that it is reached; `ready`, as nobody, if nothing is given. */
  readonly at?: "started" | "received" | "ready" | "done";
  /** Whether the child says afterwards that it has reached the stage, and goes on; if not, it waits for ever. */
  readonly goesOn?: boolean;
  readonly do: (run: ChildRun) => void;
  /** False if the run comes to its end all the same. */
  readonly endsRun?: boolean;
  /** The seconds that the run gets; 10 if nothing is given. What waits for what never comes should have less. */
  readonly timeout?: number;
}

const FOR_EVER = 1 << 30;
const SHUT_RD = 0, SHUT_WR = 1; // bits/socket.h
const ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\r\n\u202e\u{e0001}";

const encoder = new TextEncoder();

/** Sends what is no message of `sendMessage`. */
function send(run: ChildRun, words: string | Uint8Array<ArrayBuffer>, fds: number[] = []): void {
  const data = typeof words === "string" ? encoder.encode(words) : words;
  sendDescriptors(run.channelFd, fds, { data });
}

const saying = (words: unknown) => (run: ChildRun) =>
  send(run, typeof words === "string" ? words : JSON.stringify(words));

/** Says something as often as the parent takes it. */
const sayingForEver = (words: string) => (run: ChildRun) => {
  for (const data = encoder.encode(words);;) {
    try {
      sendDescriptors(run.channelFd, [], { data });
    } catch {
      return; // the parent has had enough
    }
  }
};

function writeForEver(...streams: { writeSync(bytes: Uint8Array): number }[]): never {
  const bytes = encoder.encode(`${ESCAPES}${"x".repeat(65_000)}\n`);
  for (;;) for (const stream of streams) stream.writeSync(bytes);
}

/** Starts threads that sleep for ten minutes. */
function startThreads(count: number): void {
  const sleepFunction = libc.dlsym(null, cString("sleep"));
  for (let i = 0; i < count; i++) {
    const errno = libc.pthread_create(new BigUint64Array(1), null, sleepFunction, 600n);
    if (errno !== 0) throw new SystemError("pthread_create", errno);
  }
}

const deep = (depth: number) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
const check = { type: "check", id: "DROP-01", status: "pass", observed: "", evidence: {} };
const packet = {
  ...{ type: "packet", bytes: 60, head: "AAAA", timestamp_ns: "1" },
  stamped_by: "kernel",
};
const reached = (detail: unknown) => ({ type: "reached", stage: "ready", detail });

const NOT_JSON = /broke the protocol: a message is not JSON/;
const CUT = /Message refused: control messages were cut off \(MSG_CTRUNC\)/;
const goesOn = true;

/** All of them. */
export const HOSTILE = {
  // ── Messages that are none. ──
  "oversized": {
    what: "sends a message of 65,537 bytes",
    says: /Message refused: data was cut off \(MSG_TRUNC\)/,
    do: saying(JSON.stringify("x".repeat(65_535))),
    goesOn,
  },
  "oversized-by-far": {
    what: "sends a message of 150,000 bytes",
    says: /Message refused: data was cut off \(MSG_TRUNC\)/,
    do: saying("x".repeat(150_000)),
    goesOn,
  },
  "truncated": {
    what: "sends half a message",
    says: NOT_JSON,
    do: saying('{"type":"reached","stage":"re'),
    goesOn,
  },
  "empty": {
    what: "sends an empty message",
    says: /broke the protocol: a message is empty/,
    do: saying(""),
    goesOn,
  },
  "two-in-one": {
    what: "sends two messages in one",
    says: NOT_JSON,
    do: saying(`${JSON.stringify(packet)}${JSON.stringify(packet)}`),
    goesOn,
  },
  "no-text": {
    what: "sends what is no UTF-8",
    says: /broke the protocol: a message is not UTF-8/,
    do: (run) => send(run, Uint8Array.of(0x22, 0xff, 0xfe, 0x22)),
    goesOn,
  },
  "byte-order-mark": {
    what: "sends a byte order mark before a message",
    says: NOT_JSON,
    do: saying(`\ufeff${JSON.stringify(packet)}`),
    goesOn,
  },
  "not-a-number": {
    what: "sends NaN for a number",
    says: NOT_JSON,
    do: saying(JSON.stringify(packet).replace("60", "NaN")),
    goesOn,
  },
  "no-object": {
    what: "sends a list for a message",
    says: /a message is not an object/,
    do: saying("[1,2,3]"),
    goesOn,
  },
  "unfinished-depth": {
    what: "sends 60,000 open brackets",
    says: NOT_JSON,
    do: saying("[".repeat(60_000)),
    goesOn,
  },

  // ── Messages of the protocol, with something wrong in them. ──
  "unknown-type": {
    what: "sends a verdict",
    says: /a message of unknown type/,
    do: saying({ type: "verdict", verdict: "PASS" }),
    goesOn,
  },
  "wrong-types": {
    what: "sends a message whose fields have the wrong types",
    says: /stage is not a short text/,
    do: saying({ type: "reached", stage: ["ready"], detail: null }),
    goesOn,
  },
  "no-more": {
    what: "says that it has received the socket, and then nothing",
    says: /Time ran out|did not reach the stage "dropped"/,
    timeout: 3,
    at: "received",
    do: saying({ type: "reached", stage: "received", detail: {} }),
  },
  "time-of-no-clock": {
    what: "says that it received a packet in the year 5138",
    says: /timestamp_ns is not a time/,
    do: saying({ ...packet, timestamp_ns: "99999999999999999999" }),
    goesOn,
  },
  "polluting-type": {
    what: "hides its type in a prototype",
    says: /a message of unknown type/,
    do: saying(`{"__proto__":${JSON.stringify(reached({ pid: "1" }))}}`),
    goesOn,
  },
  "polluting-detail": {
    what: "sends a key __proto__",
    says: /detail has a key "__proto__"/,
    do: saying('{"type":"reached","stage":"ready","detail":{"__proto__":{"pid":"1"}}}'),
    goesOn,
  },
  "polluting-evidence": {
    what: "sends a key constructor in the evidence of a check",
    says: /evidence has a key "constructor"/,
    at: "started",
    do: saying({ ...check, evidence: { a: [{ constructor: { prototype: { status: "pass" } } }] } }),
    goesOn,
  },
  "deep-detail": {
    what: "nests a detail 30,000 deep",
    says: /detail is nested more than \d+ deep/,
    do: saying(`{"type":"reached","stage":"ready","detail":${deep(30_000)}}`),
    goesOn,
  },
  "deep-evidence": {
    what: "nests the evidence of a check 30,000 deep",
    says: /evidence is nested more than \d+ deep/,
    at: "started",
    do: saying(JSON.stringify(check).replace('"evidence":{}', `"evidence":${deep(30_000)}`)),
    goesOn,
  },
  "endless-number": {
    what: "sends 1e999 as the length of a frame",
    says: /bytes is not a whole number/,
    do: saying(JSON.stringify(packet).replace("60", "1e999")),
    goesOn,
  },
  "endless-evidence": {
    what: "sends 1e999 in the evidence of a check",
    says: /a number in evidence is too large/,
    at: "started",
    do: saying(JSON.stringify(check).replace('"evidence":{}', '"evidence":{"n":1e999}')),
    goesOn,
  },
  "half-a-character": {
    what: "sends a lone surrogate",
    says: /a text in text has half a character/,
    do: saying('{"type":"detail","text":"\\ud800"}'),
    goesOn,
  },
  "more-head-than-frame": {
    what: "hands on more of a frame than there is",
    says: /bytes is not a whole number from 3/,
    do: saying({ ...packet, bytes: 2 }),
    goesOn,
  },
  "long-head": {
    what: "hands on 300 bytes of a frame",
    says: /head is not a short text/,
    do: saying({ ...packet, bytes: 300, head: "A".repeat(400) }),
    goesOn,
  },

  // ── Checks. ──
  "no-such-check": {
    what: "judges a check that does not exist",
    says: /there is no check "DROP-99"/,
    do: saying({ ...check, id: "DROP-99" }),
    goesOn,
  },
  "inherited-check": {
    what: "judges a check by the name of what every object has",
    says: /there is no check "toString"/,
    do: saying({ ...check, id: "toString" }),
    goesOn,
  },
  "escapes-for-a-check": {
    what: "judges a check whose name clears the terminal",
    says: /there is no check "\\u001b\[2J/,
    do: saying({ ...check, id: ESCAPES }),
    goesOn,
  },
  "takes-back": {
    what: "refutes a check of the parent's, and takes that back",
    says: /# observed: .*; the child reports: not so/,
    do(run) {
      for (const status of ["pass", "fail", "pass", "skip"]) {
        saying({ ...check, id: "RECV-01", status, observed: status === "fail" ? "not so" : "" })(
          run,
        );
      }
    },
    goesOn,
    endsRun: false,
  },
  "other-experiments-check": {
    what: "judges a check of another experiment",
    says: /SUPER-01 is no check of this experiment/,
    do: saying({ ...check, id: "SUPER-01" }),
    goesOn,
  },
  "other-experiments-claim": {
    what: "claims something by a check of another experiment",
    says: /SUPER-01 is no check of this experiment/,
    do: saying({ type: "done", text: "trust me", checks: ["SUPER-01"] }),
    goesOn,
  },
  "refutes-itself": {
    what: "says of a check that it fails, with escapes in every string",
    says: /The child gave up: \\u\{1b\}\[2J/,
    at: "started",
    do(run) {
      saying({ type: "step", title: ESCAPES, privileged: true })(run);
      for (const type of ["note", "done", "detail"]) {
        saying({ type, text: ESCAPES, checks: [] })(run);
      }
      const evidence = { [ESCAPES]: [ESCAPES] };
      saying({ ...check, status: "fail", observed: ESCAPES, evidence })(run);
      saying({ type: "failed", message: ESCAPES })(run);
    },
    goesOn,
  },

  // ── More than anybody can take. ──
  "short-flood": {
    what: "sends short notes for ever",
    says: /The child sends too much: more than 1048576 characters/,
    do: sayingForEver('{"type":"detail","text":""}'),
  },
  "long-flood": {
    what: "sends long notes for ever",
    says: /The child sends too much: more than 1048576 characters/,
    do: sayingForEver(JSON.stringify({ type: "note", text: "\u202e".repeat(4096), checks: [] })),
  },
  "wide-flood": {
    what: "sends notes for ever, each with 64 checks behind it",
    says: /The child sends too much: more than 1048576 characters/,
    do: sayingForEver(
      JSON.stringify({ type: "note", text: "", checks: new Array(64).fill("DROP-01") }),
    ),
  },
  "opinion-flood": {
    what: "says for ever that a check holds",
    says: /Time ran out/,
    timeout: 3,
    do: sayingForEver(JSON.stringify({ ...check, observed: "x".repeat(4096) })),
  },
  "step-flood": {
    what: "begins steps for ever",
    says: /The child sends too much: more than 1048576 characters/,
    do: sayingForEver('{"type":"step","title":"","privileged":true}'),
  },
  "packet-flood": {
    what: "hands on packets for ever that are none of this run's",
    says: /The child did not reach the stage "done"|Time ran out/,
    timeout: 4,
    do(run) {
      run.reached("ready");
      const head = new Uint8Array(256).toBase64();
      sayingForEver(JSON.stringify({ ...packet, bytes: 300, head }))(run);
    },
  },
  "output-flood": {
    what: "writes to its standard output and standard error for ever",
    says: /Time ran out|in time/,
    timeout: 3,
    do: () => writeForEver(Deno.stdout, Deno.stderr),
  },
  "threads": {
    what: "has 3000 threads",
    says: /The child has more than \d+ threads/,
    do: () => startThreads(3000),
    goesOn,
  },

  "hoard": {
    what: "holds 6000 descriptors",
    says: /The child has more than \d+ descriptors/,
    at: "started",
    do(run) {
      for (let i = 0; i < 6000; i++) dup(run.channelFd);
    },
    goesOn,
  },

  // ── Descriptors. ──
  "descriptor": {
    what: "sends a descriptor beside a message",
    says: CUT,
    do: (run) => send(run, JSON.stringify(reached({ pid: "1" })), [run.channelFd]),
  },
  "descriptors": {
    what: "sends 253 descriptors beside a message",
    says: CUT,
    do: (run) => send(run, JSON.stringify(packet), new Array(253).fill(0)),
    goesOn,
  },
  "many-descriptors": {
    what: "sends message after message, each with 253 descriptors",
    says: CUT,
    do(run) {
      const data = encoder.encode("{}"), fds = new Array(253).fill(0);
      const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
      for (let sent = 0; sent < 1000; sent++) {
        try {
          sendDescriptors(run.channelFd, fds, { data, flags });
        } catch {
          return; // the queue, or the limit of descriptors under way, is full
        }
      }
    },
    goesOn,
  },
  "descriptor-alone": {
    what: "sends a descriptor beside no message at all",
    says: CUT,
    do: (run) => send(run, "", [0]),
    goesOn,
  },

  // ── Silence, and ends of every kind. ──
  "silent": {
    what: "says nothing any more",
    says: /Time ran out|no message came in time/,
    timeout: 2,
    do: () => {},
  },
  "wrong-stage": {
    what: "is done before it has begun",
    says: /did not reach the stage "ready": it is at "done"/,
    do: (run) => run.reached("done"),
  },
  "unknown-stage": {
    what: "is at a stage whose name clears the terminal",
    says: /did not reach the stage "ready": it is at "\\u\{1b\}\[2J/,
    do: (run) => run.reached(ESCAPES),
  },
  "closes-the-channel": {
    what: "closes the control channel, and goes on",
    says: /The child closed the control channel but kept running; it was killed/,
    do: (run) => shutdown(run.channelFd, SHUT_WR),
  },
  "does-not-read": {
    what: "closes the control channel for what it is told",
    // By what, depends on who is faster: the parent sends, or hears it, or looks at a child that has ended.
    says:
      /sendmsg: Broken pipe \(EPIPE\)|The child gave up: The other side closed|"\/proc\/\d+\/task"/,
    do: (run) => shutdown(run.channelFd, SHUT_RD),
    goesOn,
  },
  "last-words": {
    what: "gives up with a message of the parent's unread",
    says: /The child gave up: these are my last words/,
    at: "started",
    do(run) {
      run.reached("started");
      sleep(200); // until the parent has sent the socket
      throw new Error("these are my last words");
    },
  },
  "gives-up-with-escapes": {
    what: "gives up with escapes",
    says: /The child gave up: \\u\{1b\}\[2J/,
    do() {
      throw new ExperimentError(ESCAPES);
    },
  },
  "long-last-words": {
    what: "gives up with a message of 10,000 characters",
    says: /message is not a short text/,
    do: (run) => sendMessage(run.channelFd, { type: "failed", message: "x".repeat(10_000) }, [], 0),
  },
  "exits": {
    what: "exits with status 0 before its time",
    says: /The child ended early, with exit status 0/,
    do: () => Deno.exit(0),
  },
  "exits-with-escapes": {
    what: "writes escapes to its standard error, and exits with status 7",
    says: /The child ended early, with exit status 7: \\u\{1b\}\[2J/,
    do() {
      Deno.stderr.writeSync(encoder.encode(ESCAPES));
      Deno.exit(7);
    },
  },
  "exits-badly": {
    what: "does everything right, and exits with status 3",
    says: /The child ended early, with exit status 3/,
    at: "done",
    do(run) {
      run.reached("done");
      Deno.exit(3);
    },
  },
  "stays": {
    what: "does everything right, and does not end",
    says: /The child did not end within 5000 ms/,
    at: "done",
    do(run) {
      run.reached("done");
    },
  },
  "leaves-a-process": {
    what: "does everything right, and leaves a process behind that holds its output",
    says: /The child has ended, but it left 1 process behind/,
    do: () => void posix_spawn("/usr/bin/sleep", ["sleep", "600"]),
    goesOn,
  },
  "leaves-a-session": {
    what: "does everything right, and leaves a process behind in a session of its own",
    says: /The child has ended, but it left 1 process behind/,
    do: () => void posix_spawn("/usr/bin/setsid", ["setsid", "--fork", "sleep", "600"]),
    goesOn,
  },
  "leaves-processes": {
    what: "leaves processes behind that make others, and dies",
    says: /The child ended early, with exit status 9/,
    do() {
      posix_spawn("/bin/sh", ["sh", "-c", "while :; do sleep 600 & sleep 0.01; done"]);
      sleep(200);
      Deno.exit(9);
    },
  },
} as const satisfies { readonly [name: string]: Hostile };

/** The name of one of them. */
export type HostileName = keyof typeof HOSTILE;

/** Has a child do it at its stage. */
export function turnHostile(run: ChildRun, deed: Hostile): void {
  const honest = run.reached.bind(run);
  run.reached = (stage, detail) => {
    if (stage !== (deed.at ?? "ready")) return honest(stage, detail);
    run.reached = honest;
    deed.do(run);
    if (deed.goesOn !== true) sleep(FOR_EVER);
    honest(stage, detail);
  };
}
