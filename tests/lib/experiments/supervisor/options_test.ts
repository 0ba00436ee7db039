/** The options of the supervisor experiment: its words on the command line, and ranges of users. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { parseCommandLine } from "../../../../lib/cli/command_line.ts";
import { EXPERIMENTS } from "../../../../lib/experiments/mod.ts";
import { UsageError } from "../../../../lib/evidence/errors.ts";
import { findIdentities } from "../../../../lib/host/users.ts";
import { identitiesFor } from "../../../../lib/experiments/supervisor/options.ts";
import { here } from "../../../e2e/here.ts";

function supervisionOf(...args: string[]) {
  const task = parseCommandLine(["-e", "supervisor", ...args, "lo"], EXPERIMENTS);
  return task.task === "run" && task.run.options.supervisor;
}

Deno.test("parseCommandLine() has defaults for the supervisor, and accepts the bounds", () => {
  assertEquals(supervisionOf(), { workers: 2, fanout: "hash", kills: 10, rate: 2000 });
  assertEquals(
    supervisionOf("--workers=1", "--fanout=qm", "--kills", "1", "--rate", "100"),
    { workers: 1, fanout: "qm", kills: 1, rate: 100 },
  );
  assertEquals(
    supervisionOf("--workers=16", "--fanout=lb", "--kills=10000", "--rate=50000"),
    { workers: 16, fanout: "lb", kills: 10_000, rate: 50_000 },
  );
});

const WRONG: [args: string[], message: string][] = [
  [["--workers", "0"], '--workers must be a whole number from 1 to 16, not "0"'],
  [["--workers", "17"], '--workers must be a whole number from 1 to 16, not "17"'],
  [["--workers", "-1"], 'from 1 to 16, not "-1"'],
  [["--workers", "two"], 'not "two"'],
  [["--workers", "1.5"], 'not "1.5"'],
  [["--workers", "0x2"], 'not "0x2"'],
  [["--workers", ""], "--workers needs a value"],
  [["--workers=2", "--workers=3"], "--workers is given 2 times"],
  [["--fanout", "rollover"], '--fanout must be one of hash, cpu, lb, qm, not "rollover"'],
  [["--fanout", "HASH"], 'not "HASH"'],
  [["--fanout", "constructor"], 'not "constructor"'],
  [["--fanout", ""], "--fanout needs a value"],
  [["--kills", "0"], '--kills must be a whole number from 1 to 10000, not "0"'],
  [["--kills", "10001"], 'not "10001"'],
  [["--kills", "1e2"], 'not "1e2"'],
  [["--rate", "99"], '--rate must be a whole number from 100 to 50000, not "99"'],
  [["--rate", "50001"], 'not "50001"'],
  [["--rate", "-100"], 'not "-100"'],
  [["--rate", "Infinity"], 'not "Infinity"'],
  [["--kill", "5"], "did you mean --kills?"],
];

Deno.test("parseCommandLine() names a wrong option of the supervisor, and what would be right", () => {
  for (const [args, message] of WRONG) {
    assertThrows(() => supervisionOf(...args), UsageError, message, args.join(" "));
  }
});

Deno.test("identitiesFor() gives each worker its own user of a range, or all the same user", () => {
  const users = [1, 2, 3].map((id) => ({ uid: id, gid: id }));
  assertEquals(identitiesFor(2, users), users.slice(0, 2));
  assertEquals(identitiesFor(3, users), users);
  assertEquals(identitiesFor(3, [users[0]]), [users[0], users[0], users[0]]);
  const message = "--user: 4 users are needed, for 3 workers and one more, not 3";
  assertThrows(() => identitiesFor(4, users), UsageError, message);
});

Deno.test("findIdentities() takes one user, a range, and a range with a group", () => {
  assertEquals(findIdentities("nobody:65534"), [{ uid: 65534, gid: 65534 }]);
  assertEquals(
    findIdentities("60001-60003"),
    [60001, 60002, 60003].map((id) => ({ uid: id, gid: id })),
  );
  assertEquals(
    findIdentities("60001-60002:65534"),
    [60001, 60002].map((uid) => ({ uid, gid: 65534 })),
  );
  assertEquals(findIdentities("7-7:9"), [{ uid: 7, gid: 9 }]);
  assertEquals(findIdentities("1000-1255:1").length, 256);
});

Deno.test("findIdentities() refuses a range that is empty, is too long, or includes root", () => {
  const cases: [user: string, message: string][] = [
    ["60002-60001", 'must be a range of 1 to 256 users, not "60002-60001"'],
    ["1-257:1", "a range of 1 to 256 users"],
    ["0-5:1", "is root"],
    ["1-5:0", "is root"],
    ["4294967290-4294967295:1", "out of range"],
    ["60001-60002:no-such-group", "no group"],
    ["60001-60002:", "must be"],
    ["60001-60002:1:2", "must be"],
    ["60001-", "no user"],
    ["-60001", "no user"],
    ["60001-60002-60003", "no user"],
    ["nobody-daemon", "no user"],
  ];
  for (const [user, message] of cases) {
    assertThrows(() => findIdentities(user), UsageError, message, user);
  }
});

for (
  const [args, message] of [
    [["--workers", "0"], /--workers must be a whole number from 1 to 16, not "0"/],
    [["--fanout", "rollover"], /--fanout must be one of hash, cpu, lb, qm, not "rollover"/],
    [["--kills", "many"], /--kills must be a whole number from 1 to 10000, not "many"/],
    [["--rate", "1"], /--rate must be a whole number from 100 to 50000, not "1"/],
    [["--user", "9-1"], /--user must be a range of 1 to 256 users, not "9-1"/],
  ] as const
) {
  Deno.test(`fdpass -e supervisor ${args.join(" ")}: exit 2, and a message that names the bounds`, async () => {
    const { code, stderr } = await here(["-e", "supervisor", ...args, "lo"]);
    assertEquals(code, 2);
    assertMatch(stderr, message);
  });
}
