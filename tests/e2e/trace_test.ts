/**
 * `--trace` agrees with strace about the same run: the same calls, in the same order, on the same
 * threads, with the same results.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Calls } from "../../lib/evidence/evidence.ts";
import { CALL_LENGTH } from "../../lib/evidence/record.ts";
import { TestsAhead } from "../support/tests_ahead.ts";
import { evidenceIn, fdpass } from "../support/programs.ts";
import { FDPASS_WITHOUT_PTRACE } from "./here.ts";
import { descriptorsIn, straced } from "./strace.ts";

const tests = new TestsAhead();
/** A call as either of them prints it: `name = result ERRNO`. */
interface PrintedCall {
  readonly tid: number;
  readonly name: string;
  readonly args: string;
  readonly result: string;
  /** The lines of its structures. */
  readonly details: string[];
}

const HEAD = /^\[(\w+)\] +[\d:.]+ (\d+|another thread) (\w+)\((.*)\) = (.*) <[\d.]+ ms>$/;

/** The calls in a trace, without those of other threads. */
function resultOf(stderr: string, side: "parent" | "child"): PrintedCall[] {
  const calls: PrintedCall[] = [];
  for (const line of stderr.split("\n")) {
    const [, whose, tid, name, args, result] = line.match(HEAD) ?? [];
    if (whose !== undefined && whose !== side) continue;
    if (whose !== undefined) calls.push({ tid: Number(tid), name, args, result, details: [] });
    else if (line.startsWith(`[${side}]`)) calls.at(-1)?.details.push(line);
  }
  return calls.filter(({ tid }) => Number.isInteger(tid));
}

/** Calls that only fdpass makes on JavaScript's thread, and the runtime never. */
const OURS = [
  ...["socket", "bind", "sendmsg", "setgroups", "setresgid", "setresuid", "capget", "prctl"],
  ...["getsockname", "getresuid", "getresgid", "getgroups", "close_range", "setsid", "shutdown"],
];

/** Calls that the runtime makes as well: all of the trace must be there, in order. */
const SHARED = ["socketpair", "recvmsg", "getsockopt", "setsockopt", "sendto", "recvfrom", "fcntl"];

/** Calls whose arguments are all integers. */
const OF_INTEGERS = [
  ...["socket", "setresgid", "setresuid", "prctl", "close_range", "setsid", "shutdown", "fcntl"],
];

/**
 * Calls of the runtime by prctl(2), and of if_nametoindex(3) and getpwnam_r(3) by socket(2):
 * PR_SET_VMA, PR_SET_NAME, AF_UNIX. And raw calls with impossible arguments, such as setgroups(-1),
 * which the trace lists as syscall(2).
 */
const NOT_OURS =
  /^(?:prctl\((?:0x53564d41|0xf), |socket\(0x1, |set(?:groups|res[gu]id)\((?:-1|0xf+|4294967295),)/;

/**
 * Turns `-1 EPERM (Operation not permitted)` into `-1 EPERM`, and `23<socket:[4711]>` into `23`.
 */
const short = (result: string) =>
  result.match(/^-1 E\w+/)?.[0] ?? Number(result.match(/^(?:0x[0-9a-f]+|-?\d+)/)?.[0]);

/**
 * The integers of the arguments: `17, 524291` for `domain: AF_PACKET (17), type:
 * SOCK_RAW|SOCK_CLOEXEC (0x80003)` and for strace's `0x11, 0x3|0x80000`. Trailing zeros are left
 * out, because prctl(2) need not be given them. Where one shows an address and the other its
 * contents, `→` stands.
 */
function integers(args: string): string {
  const numbers = args.split(", ").filter((arg) => arg !== "").map((arg) =>
    arg.replace(/^\w+: |<.*>$/g, "").replace(/^.*\((\w+)\)$/, "$1").split("|")
      .reduce((sum, part) => sum + Number(part), 0)
  );
  return numbers.slice(0, numbers.findLastIndex((number) => number !== 0) + 1)
    .map((number) => number < 2 ** 32 ? number : "→").join(", ");
}

const NEEDS = { root: true, programs: { strace: "strace" } };

for (const options of [[], ["--harden"]]) {
  tests.add(NEEDS, `--trace agrees with strace ${options.join(" ")}`, async () => {
    const names = ["execve", ...OURS, ...SHARED].join(",");
    const command = [...FDPASS_WITHOUT_PTRACE, "--trace", "--json", ...options, "veth-fdpass"];
    const { outcome, calls } = await straced(names, command, ["-X", "raw"]);
    const failed = evidenceIn(outcome).experiments[0].checks.filter(({ status }) =>
      status === "fail"
    );
    assertEquals(failed, []); // HARD-05 is skipped: a filter cannot be read beside strace
    for (const side of ["parent", "child"] as const) {
      const traced = resultOf(outcome.stderr, side);
      const [{ tid }] = traced;
      assertEquals(traced.filter((call) => call.tid !== tid), [], "JavaScript has one thread");
      // A hardened child's launcher is another program.
      const ofThread = calls.filter((call) => call.tid === tid);
      const seen = ofThread.slice(ofThread.findLastIndex(({ name }) => name === "execve") + 1)
        .filter(({ name, args }) => !NOT_OURS.test(`${name}(${args}, `));
      const list = (
        all: readonly Pick<PrintedCall, "name" | "args" | "result">[],
        wanted: readonly string[],
      ) =>
        all.filter(({ name }) => wanted.includes(name)).map(({ name, args, result }) =>
          `${name}(${OF_INTEGERS.includes(name) ? integers(args) : "…"}) = ${short(result)}`
        );
      assertEquals(list(traced, OURS), list(seen, OURS), `${side}: its own calls`);
      assert(list(traced, OURS).length > 10, `${side} makes some`);
      const left = list(seen, SHARED);
      for (const call of list(traced, SHARED)) {
        const place = left.indexOf(call);
        assert(place !== -1, `${side}: strace has no ${call} there`);
        left.splice(0, place + 1);
      }
    }
  });
}

tests.add(
  NEEDS,
  "--trace shows the passed descriptor in its message, as strace does",
  async () => {
    const { outcome, calls } = await straced("sendmsg,recvmsg", [
      ...[...FDPASS_WITHOUT_PTRACE, "--trace", "veth-fdpass"],
    ]);
    const descriptor = (side: "parent" | "child", name: string) => {
      const [call, ...more] = resultOf(outcome.stderr, side).filter((call) =>
        call.name === name && call.details.some((line) => line.includes("SCM_RIGHTS"))
      );
      assertEquals(more, []);
      const text = call.details.join("\n");
      assertMatch(text, /0 {2}14 00 00 00 00 00 00 00 {3}cmsg_len 20\n/);
      assertMatch(text, /8 {2}01 00 00 00 +cmsg_level SOL_SOCKET \(1\)\n/);
      assertMatch(text, /12 {2}01 00 00 00 +cmsg_type SCM_RIGHTS \(1\)\n/);
      const [, bytes, fd] = text.match(/16 {2}((?:\w\w ){4}) +descriptor (\d+)/)!;
      assertEquals(parseInt(bytes.slice(0, 2), 16), Number(fd));
      return { tid: call.tid, fd: Number(fd) };
    };
    for (const [side, name] of [["parent", "sendmsg"], ["child", "recvmsg"]] as const) {
      const { tid, fd } = descriptor(side, name);
      const [seen] = calls.filter((call) =>
        call.tid === tid && call.name === name && call.args.includes("SCM_RIGHTS")
      );
      const [, data] = seen.args.match(/cmsg_data=\[(.*?)\]+\}/)!;
      assertEquals(descriptorsIn(data).map((each) => each.fd).concat(parseInt(data))[0], fd);
    }
  },
);

tests.add(
  { root: true },
  "--trace changes nothing in the report; without it nothing is traced",
  async () => {
    const traced = await fdpass(["--trace", "--json", "veth-fdpass"]);
    const plain = await fdpass(["--json", "veth-fdpass"]);
    const answers = (outcome: typeof plain) =>
      evidenceIn(outcome).experiments[0].checks.map(({ id, status }) => [id, status]);
    assertEquals(answers(traced), answers(plain));
    assertEquals(plain.stderr, "");
    const lines = traced.stderr.trimEnd().split("\n");
    assertEquals(lines.filter((line) => !/^\[(parent|child)\] /.test(line)), []);
  },
);

tests.add(
  { root: true },
  "--trace sorted by its second column is in order of time, and the evidence has the same calls",
  async () => {
    const { stderr, stdout, code } = await fdpass(["--trace", "--json", "veth-fdpass"]);
    assertEquals(code, 0);
    const sorted = stderr.trimEnd().split("\n").map((line) => line.split(/ +/)[1] + line)
      .toSorted().map((line) => line.slice("00:00:00.000000".length));
    const times = sorted.map((line) => line.match(/^\[\w+\] +([\d:.]{15}) /)![1]);
    assertEquals(times.length, stderr.trimEnd().split("\n").length);

    // Parent and child together, in that order, the headings are the calls in the evidence that
    // were made during the experiment.
    const { list, cut } = JSON.parse(stdout).experiments[0].calls as Calls;
    const heads = sorted.flatMap((line) => {
      const [, side, , name, args, result] = line.match(HEAD) ?? [];
      return side === undefined ? [] : [`${side} ${name}(${args}) = ${result}`];
    });
    assertEquals(cut, false);
    const kept = list.map(({ side, text }) => `${side} ${text}`);
    const shortened = heads.map((head) => {
      const [side] = head.split(" ");
      return head.length - side.length - 1 > CALL_LENGTH
        ? `${head.slice(0, side.length + CALL_LENGTH)}…`
        : head;
    });
    assertEquals(kept.filter((each) => !shortened.includes(each)), []);
    const begun = (calls: string[]) =>
      calls.slice(calls.findIndex((call) => call.startsWith("parent socket(domain: AF_PACKET")));
    // After the experiment the report is written, and at the very end a page of code is unmapped.
    const after = /^parent (?:fcntl\(fd: 1,|mmap\(.*MAP_FIXED.*fd: -1)/;
    const ended = begun(shortened).filter((call) => !after.test(call));
    assert(begun(shortened).length - ended.length <= 2);
    assertEquals(begun(kept).length, ended.length);
    assertEquals(new Set(list.map(({ side }) => side)), new Set(["parent", "child"]));
    // By one clock: the message was sent before the child receives it.
    const at = (side: string, text: RegExp) =>
      list.find((each) => each.side === side && text.test(each.text))!.at_ms;
    assert(at("parent", /^sendmsg\(.* = \d/) < at("child", /^recvmsg\(.*CLOEXEC.* = \d/));
  },
);

tests.add(
  { root: true },
  "The evidence of a run has no calls unless they were asked for",
  async () => {
    const { stdout } = await fdpass(["--json", "veth-fdpass"]);
    assertEquals(JSON.parse(stdout).experiments[0].calls, null);
  },
);
