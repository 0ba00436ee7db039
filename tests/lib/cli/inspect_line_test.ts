import { assertEquals, assertThrows } from "@std/assert";
import { outputStyleOf, parseCommandLine } from "../../../lib/cli/command_line.ts";
import { UsageError } from "../../../lib/evidence/errors.ts";
import { EXPERIMENTS } from "../../../lib/experiments/mod.ts";

const parse = (...args: string[]) => parseCommandLine(args, EXPERIMENTS);

/** The options of a command line of `inspect`. */
function inspected(...args: string[]) {
  const task = parse(...args);
  if (task.task !== "inspect") throw new Error(`another task: ${task.task}`);
  return task;
}

Deno.test("inspect has the defaults that --help names", () => {
  assertEquals(inspected("inspect", "4711"), {
    task: "inspect",
    inspect: {
      pids: [4711],
      expect: "dropped",
      ask: false,
      tree: false,
      groups: [],
      timeout: 10,
    },
    files: { report: undefined },
    force: false,
  });
});

Deno.test("inspect takes its options before and after its name and the processes", () => {
  const expected = {
    task: "inspect",
    inspect: {
      pids: [1, 4194304],
      expect: "confined",
      ask: true,
      tree: true,
      groups: ["adm", "42"],
      timeout: 2.5,
    },
    files: { report: "inspect" },
    force: true,
  };
  const options = [
    ...["--expect", "confined", "--ask", "--tree", "--groups=adm,42", "-t", "2.5"],
    ...["--report", "inspect", "--force"],
  ];
  assertEquals<unknown>(inspected("inspect", ...options, "1", "4194304"), expected);
  assertEquals<unknown>(inspected("inspect", "1", "4194304", ...options), expected);
  assertEquals<unknown>(inspected(...options, "inspect", "1", "4194304"), expected);
  assertEquals<unknown>(inspected(...options, "inspect", "--", "1", "4194304"), expected);
  assertEquals(inspected("-qt", "5", "inspect", "7").inspect.timeout, 5);
});

Deno.test("inspect names the wrong argument, and a right one", () => {
  const cases: [args: string[], message: string][] = [
    [[], "No process given: fdpass inspect [OPTIONS] PID…"],
    [[], "an interface that is named inspect is reached by: fdpass -- inspect"],
    [["--ask"], "No process given"],
    [["0"], '"0" is not a process id: it must be a number from 1 to 4194304'],
    [["-5"], '"-5" is not a process id'],
    [["--", "-5"], '"-5" is not a process id'],
    [["4194305"], '"4194305" is not a process id'],
    [["99999999999999999999"], "is not a process id"],
    [["tcpdump"], '"tcpdump" is not a process id'],
    [["1e3"], '"1e3" is not a process id'],
    [["0x10"], '"0x10" is not a process id'],
    [[""], '"" is not a process id'],
    [["1.5"], '"1.5" is not a process id'],
    [["7", "8", "7"], "Process 7 is given twice"],
    [["7", "07"], "Process 7 is given twice"],
    [Array.from({ length: 1001 }, (_, i) => String(i + 1)), "at most 1000 processes, not 1001"],
    [["--expect", "confined", "7"], "--expect confined needs --ask"],
    [["--expect", "confind", "7"], '"confind" cannot be expected: did you mean confined?'],
    [["--expect", "toString", "7"], "it must be dropped or confined"],
    [["--expect=", "7"], "--expect needs a value"],
    [["--expect=dropped", "--expect=dropped", "7"], "--expect is given 2 times"],
    [["--groups", "", "7"], "--groups needs a value"],
    [["--groups", "adm,", "7"], "--groups must be names or numbers with commas between them"],
    [["--groups", ",", "7"], 'not ","'],
    [["--timeout", "0", "7"], "--timeout must be a number of seconds above 0"],
    [["--timeout", "-1", "7"], 'not "-1"'],
    [["--json", "--tap", "7"], "--json and --tap"],
    [["--tre", "7"], 'Unknown option "--tre": did you mean --tree?'],
    [["-x", "7"], 'Unknown option "-x"'],
  ];
  for (const [args, message] of cases) {
    assertThrows(() => parse("inspect", ...args), UsageError, message, args.slice(0, 9).join(" "));
  }
});

Deno.test("Options of the experiments are refused with inspect, and the other way round", () => {
  const theirs = [
    ...["-e", "-n", "-u", "-l", "--experiment", "--count", "--user", "--list"],
    ...["--stimulus", "--receive", "--harden", "--pcap", "--trace", "--kills", "--from", "--out"],
  ];
  for (const option of theirs) {
    const message = `${option} is an option of the experiments, and not of inspect`;
    assertThrows(() => parse("inspect", "7", option), UsageError, message);
    assertThrows(() => parse("inspect", `${option}=1`, "7"), UsageError, message);
  }
  for (const option of ["--ask", "--tree", "--expect=dropped", "--groups=adm"]) {
    const message = `${option.replace(/=.*/, "")} is an option of inspect, and not of the exp`;
    assertThrows(() => parse(option, "eth0"), UsageError, message);
  }
});

Deno.test("An interface that is named like the command is reached after --", () => {
  for (const args of [["--", "inspect"], ["-n", "1", "--", "inspect"], ["-n1", "--", "inspect"]]) {
    const task = parse(...args);
    assertEquals(task.task === "run" && task.run.interface, "inspect");
  }
  const value = parse("--stimulus", "inspect", "eth0");
  assertEquals(value.task === "run" && value.run.stimulus, "inspect");
  assertThrows(() => parse("eth0", "inspect"), UsageError, "Give one interface, not 2");
});

Deno.test("A slip in the name of the command is recognised", () => {
  for (const wrong of ["inpsect", "inspct", "insp", "Inspect"]) {
    assertThrows(() => parse(wrong, "123"), UsageError, "did you mean fdpass inspect?");
  }
  assertThrows(() => parse("a", "b"), UsageError, 'not 2: "a", "b"');
});

Deno.test("inspect obeys --help, --version and --explain before anything else", () => {
  for (const task of ["help", "version"]) {
    assertEquals<unknown>(parse("inspect", `--${task}`), { task });
  }
  assertEquals<unknown>(parse("inspect", "--explain", "insp-05"), {
    task: "explain",
    id: "INSP-05",
  });
});

Deno.test("outputStyleOf() finds the style of inspect, even among wrong arguments", () => {
  assertEquals(outputStyleOf(["inspect", "--groups", "--json", "-v", "x"]).view, "json");
  assertEquals(outputStyleOf(["inspect", "--expect=confined", "--tap"]).view, "tap");
  assertEquals(outputStyleOf(["inspect", "-q", "7"]).amount, "quiet");
});
