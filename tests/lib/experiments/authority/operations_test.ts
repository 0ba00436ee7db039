import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Errno, SystemError } from "../../../../ffi/mod.ts";
import { NOT_TRIED } from "../../../../lib/evidence/evidence.ts";
import { OPERATION_CATALOGUE, OPERATION_NAMES } from "../../../../lib/evidence/operations.ts";
import {
  COLUMNS,
  expectedOutcome,
} from "../../../../lib/experiments/authority/expected_outcome.ts";
import {
  type Attacker,
  type Attempt,
  attemptOperation,
  type Operation,
} from "../../../../lib/experiments/authority/operation.ts";
import { OPERATIONS } from "../../../../lib/experiments/authority/operations.ts";
import { ALL_PROTECTIONS, PROTECTIONS } from "../../../../lib/confine/protections.ts";

const NAMES = OPERATIONS.map(({ name }) => name);

/** Whether a text is an outcome: `allowed`, `no effect`, not tried, or the name of an errno. */
const isOutcome = (outcome: string) =>
  ["allowed", "no effect", NOT_TRIED].includes(outcome) || /^E[A-Z]+$/.test(outcome);

Deno.test("OPERATIONS are those of the catalogue, in its order, named in words", () => {
  assertEquals(NAMES, OPERATION_NAMES);
  for (const name of NAMES) assertMatch(name, /^[a-z]+(-[a-z]+)*$/);
});

Deno.test("The catalogue names what an attacker gains, and the kernel function or manual page", () => {
  for (const [name, { gives, source }] of Object.entries(OPERATION_CATALOGUE)) {
    assertMatch(gives, /\w+ \w+|\w{5,}/, name);
    assertMatch(source, /\b[a-z]+\(2\)|\b[a-z]+(_[a-z]+)+/, name);
  }
});

Deno.test("COLUMNS are the socket as passed, each protection alone, and all", () => {
  assertEquals(COLUMNS, [
    { name: "plain", chosen: [] },
    ...ALL_PROTECTIONS.map((name) => ({ name, chosen: [name] })),
    { name: "hardened", chosen: ALL_PROTECTIONS },
  ]);
});

Deno.test("expectedOutcome() has an outcome for every operation in every column", () => {
  for (const operation of OPERATIONS) {
    for (const { name } of COLUMNS) {
      assert(isOutcome(expectedOutcome(operation, name)), `${operation.name}, ${name}`);
    }
    assertEquals(
      Object.keys(operation.under ?? {}).filter((name) => !Object.hasOwn(PROTECTIONS, name)),
      [],
    );
  }
});

Deno.test("expectedOutcome() is never 'allowed' under all protections", () => {
  for (const operation of OPERATIONS) {
    assert(expectedOutcome(operation, "hardened") !== "allowed", operation.name);
  }
});

Deno.test("Some protection alone takes away each operation that is allowed without protections", () => {
  for (
    const operation of OPERATIONS.filter((each) => expectedOutcome(each, "plain") === "allowed")
  ) {
    const outcomes = ALL_PROTECTIONS.map((name) => expectedOutcome(operation, name));
    assert(outcomes.some((outcome) => outcome !== "allowed"), operation.name);
  }
});

Deno.test("No protection allows an operation that is refused without protections", () => {
  for (
    const operation of OPERATIONS.filter((each) => expectedOutcome(each, "plain") !== "allowed")
  ) {
    for (const name of ALL_PROTECTIONS) {
      assert(expectedOutcome(operation, name) !== "allowed", operation.name);
    }
  }
});

const operation = (attempt: Operation["attempt"]): Operation => ({
  ...OPERATIONS[0],
  attempt,
});
const attacker: Attacker = {
  packetFd: -1,
  ifindex: 1,
  layer: "ethernet",
  otherIfindex: 1,
  sibling: { pid: 1, pidInProc: 1, fd: -1 },
  forgottenFd: -1,
  rings: null,
  provoke: () => {},
};

Deno.test("attemptOperation() returns 'allowed' if there was an effect, or none could be seen", () => {
  const refused = () => {
    throw new SystemError("bind", Errno.EINVAL);
  };
  const refusal = "bind: Invalid argument (EINVAL)";
  const cases: [attempt: Operation["attempt"], came: Attempt][] = [
    [() => {}, { outcome: "allowed", syscall: null, refusal: null }],
    [() => true, { outcome: "allowed", syscall: null, refusal: null }],
    [() => false, { outcome: "no effect", syscall: null, refusal: null }],
    [refused, { outcome: "EINVAL", syscall: "bind", refusal }],
  ];
  for (const [attempt, came] of cases) {
    assertEquals(attemptOperation(operation(attempt), attacker), came);
  }
});

Deno.test("attemptOperation() rethrows an error that is not a refusal", () => {
  const defect = operation(() => {
    throw new TypeError("a defect");
  });
  assertThrows(() => attemptOperation(defect, attacker), TypeError, "a defect");
});

Deno.test("attemptOperation() returns the call and the errno for a descriptor that is not open", () => {
  const calls = {
    "send": "sendto",
    "write": "write",
    "promiscuous": "setsockopt",
    "duplicate": "dup",
  };
  for (const [name, syscall] of Object.entries(calls)) {
    const found = OPERATIONS.find((each) => each.name === name)!;
    const refusal = `${syscall}: Bad file descriptor (EBADF)`;
    assertEquals(attemptOperation(found, attacker), { outcome: "EBADF", syscall, refusal });
  }
});

/** The operations that cannot be tried on every machine. */
const notEverywhere = OPERATIONS.filter(({ whyNotTried }) => whyNotTried !== undefined);

Deno.test("expectedOutcome() is 'not tried' in every column for an operation that cannot be tried here", () => {
  assertEquals(notEverywhere.map(({ name }) => name), [
    "user-namespace-socket",
    "io-uring-send",
    "early-ring",
    "early-personality",
    "early-polled-ring",
  ]);
  for (const each of notEverywhere) {
    for (const { name } of COLUMNS) {
      const outcome = expectedOutcome({ ...each, whyNotTried: () => "a reason" }, name);
      assertEquals(outcome, NOT_TRIED, name);
    }
  }
});

Deno.test("attemptOperation() returns 'not tried' without rings, neither allowed nor refused", () => {
  for (const each of notEverywhere.filter(({ name }) => name !== "user-namespace-socket")) {
    const untried = { outcome: NOT_TRIED, syscall: null };
    assertEquals(attemptOperation(each, attacker), { ...untried, refusal: null });
    const rings = new SystemError("io_uring_setup", Errno.EINVAL);
    const without = attemptOperation(each, { ...attacker, rings });
    assertEquals(without, { ...untried, refusal: "io_uring_setup: Invalid argument (EINVAL)" });
  }
});
