import { assertEquals, assertThrows } from "@std/assert";
import { outputStyleOf, parseCommandLine } from "../../../lib/cli/command_line.ts";
import { EXPERIMENTS } from "../../../lib/experiments/mod.ts";
import { UsageError } from "../../../lib/evidence/errors.ts";
import { RECEIVE_PATHS } from "../../../lib/receive/mod.ts";
import { RELAY_DEFAULTS } from "../../../lib/experiments/relay/options.ts";

/** The default options of the supervisor and the relay. */
const USUAL = {
  options: {
    supervisor: { workers: 2, fanout: "hash", kills: 10, rate: 2000 },
    relay: { ...RELAY_DEFAULTS, out: undefined },
  },
};

const parse = (...args: string[]) => parseCommandLine(args, EXPERIMENTS);

Deno.test("parseCommandLine() has the defaults that --help names", () => {
  assertEquals<unknown>(parse("eth0"), {
    task: "run",
    experiments: [EXPERIMENTS[0]],
    run: {
      interface: "eth0",
      count: 5,
      timeout: undefined,
      user: "nobody:65534",
      stimulus: undefined,
      harden: false,
      receive: undefined,
      ...USUAL,
    },
    files: { pcap: undefined, report: undefined },
    force: false,
    trace: false,
  });
});

Deno.test("parseCommandLine() takes short and long options, before and after the interface", () => {
  const expected = {
    task: "run",
    experiments: [...EXPERIMENTS],
    run: {
      interface: "007",
      count: 7,
      timeout: 0.5,
      user: "1:2",
      stimulus: "lo",
      harden: false,
      receive: undefined,
      ...USUAL,
    },
    files: { pcap: undefined, report: undefined },
    force: false,
    trace: false,
  };
  assertEquals<unknown>(
    parse("-e", "all", "-n", "7", "-t0.5", "-u", "1:2", "--stimulus", "lo", "007"),
    expected,
  );
  assertEquals<unknown>(
    parse("007", "--experiment=all", "--count=7", "--timeout=0.5", "--user=1:2", "--stimulus=lo"),
    expected,
  );
});

Deno.test("parseCommandLine() names the wrong argument, and a right one", () => {
  const cases: [args: string[], message: string][] = [
    [[], "No interface given"],
    [["a", "b"], 'not 2: "a", "b"'],
    [["--tiemout", "5", "lo"], '"--tiemout": did you mean --timeout?'],
    [["--jsno", "lo"], "--json"],
    [["-x", "lo"], '"-x"'],
    [["-e", "privilege-dorp", "lo"], "did you mean privilege-drop?"],
    [["-n", "0", "lo"], '--count must be a whole number from 1 to 100000, not "0"'],
    [["-n", "-1", "lo"], "--count"],
    [["--count=-1", "lo"], 'not "-1"'],
    [["-n", "abc", "lo"], 'not "abc"'],
    [["-n", "1e9", "lo"], 'not "1e9"'],
    [["-n", "100001", "lo"], "100000"],
    [["-n", "1", "-n", "2", "lo"], "--count is given 2 times"],
    [["-t", "0", "lo"], "--timeout must be a number of seconds above 0"],
    [["-t", "nan", "lo"], 'not "nan"'],
    [["-t", "Infinity", "lo"], 'not "Infinity"'],
    [["-t", "3601", "lo"], "3600"],
    [["lo", "-u"], "--user needs a value"],
    [["--receive", "tpacket_v3", "lo"], "did you mean tpacket-v3?"],
    [["--receive", "recvmsgs", "lo"], '"recvmsgs" is not a receive path: did you mean recvmsg?'],
    [["--receive", "io_uring", "lo"], "did you mean io-uring?"],
    [["--receive", "toString", "lo"], '"toString" is not a receive path: they are recvmsg, '],
    [["--receive", "RECVMSG", "lo"], "did you mean recvmsg?"],
    [["--receive=recvmsg", "--receive=recvfrom", "lo"], "--receive is given 2 times"],
    [["--receive", "", "lo"], "--receive needs a value"],
    [["lo", "--receive"], "--receive needs a value"],
    [["--receive"], "--receive needs a value"],
    [["--report"], "--report needs a value"],
    [["--report", "--json", "lo"], "--report needs a value"],
    [
      ["--report", "lo"],
      'No interface given: fdpass [OPTIONS] INTERFACE ("lo" is the value of --report)',
    ],
    [["-q", "-n", "5"], '"5" is the value of -n'],
    [["-e"], "--experiment needs a value"],
    [["--bogus", "lo"], 'Unknown option "--bogus": --help lists all options'],
    [["-e", "bogus", "lo"], 'Unknown experiment "bogus": --list shows all experiments'],
  ];
  for (const [args, message] of cases) {
    assertThrows(() => parse(...args), UsageError, message, args.join(" "));
  }
});

Deno.test("parseCommandLine() refuses an option of an experiment that is not run", () => {
  const cases: [args: string[], message: string][] = [
    [["--kills", "3", "lo"], "--kills is an option of the experiment supervisor, which is not run"],
    [["-e", "relay", "--kills", "3", "lo"], "add -e supervisor"],
    [
      ["--from=232.1.1.1:1", "-e", "supervisor", "lo"],
      "--from is an option of the experiment relay",
    ],
  ];
  for (const [args, message] of cases) {
    assertThrows(() => parse(...args), UsageError, message, args.join(" "));
  }
  for (const wanted of [["all"], ["supervisor"], ["relay", "supervisor"]]) {
    const task = parse(...wanted.flatMap((name) => ["-e", name]), "--kills", "3", "lo");
    assertEquals(
      task.task === "run" && task.run.options.supervisor,
      { ...USUAL.options.supervisor, kills: 3 },
    );
  }
});

Deno.test("parseCommandLine() takes every receive path by its name", () => {
  for (const path of Object.keys(RECEIVE_PATHS)) {
    const task = parse("--receive", path, "lo");
    assertEquals(task.task === "run" && task.run.receive, path);
  }
});

Deno.test("parseCommandLine() obeys --help, --version and --list before anything else", () => {
  for (const task of ["help", "version"]) {
    assertEquals<unknown>(parse(`--${task}`, "a", "b"), { task });
  }
  assertEquals<unknown>(parse("--list", "a", "b"), { task: "list", verbose: false });
});

Deno.test("parseCommandLine() takes the id of a check in upper or lower case", () => {
  for (const id of ["DENY-01", "deny-01"]) {
    assertEquals<unknown>(parse("--explain", id), { task: "explain", id: "DENY-01" });
  }
  assertThrows(() => parse("--explain", "DENI-01"), UsageError, "DENY-01");
  assertThrows(() => parse("--explain", "toString"), UsageError, "there is no check");
  assertThrows(() => parse("--explain"), UsageError, "--explain needs a value");
});

Deno.test("parseCommandLine() refuses two views on one standard output", () => {
  assertThrows(() => parse("--json", "--tap", "lo"), UsageError, "--json and --tap");
});

Deno.test("parseCommandLine() takes the report's file", () => {
  const task = parse("--report", "run.html", "--force", "lo");
  assertEquals(task.task === "run" && [task.files.report, task.force], ["run.html", true]);
  assertThrows(() => parse("--report=", "lo"), UsageError, "--report needs a value");
});

Deno.test("outputStyleOf() finds the style even among wrong arguments", () => {
  assertEquals(outputStyleOf(["--wrong", "--json"]), {
    view: "json",
    amount: "normal",
    color: true,
  });
  assertEquals(outputStyleOf(["--tap", "lo"]), { view: "tap", amount: "normal", color: true });
  assertEquals(outputStyleOf(["-q", "--no-color"]), {
    view: "text",
    amount: "quiet",
    color: false,
  });
  assertEquals(outputStyleOf(["-v", "--", "--json"]), {
    view: "text",
    amount: "verbose",
    color: true,
  });
});
