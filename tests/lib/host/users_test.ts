import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../lib/evidence/errors.ts";
import { findIdentity, isMapped } from "../../../lib/host/users.ts";

Deno.test("findIdentity() accepts names and numbers", () => {
  assertEquals(findIdentity("nobody:65534"), { uid: 65534, gid: 65534 });
  assertEquals(findIdentity("1234:5678"), { uid: 1234, gid: 5678 });
  assertEquals(findIdentity("4294967294:1"), { uid: 4294967294, gid: 1 });
});

Deno.test("findIdentity() refuses root, the id that changes nothing, unknown names and malformed text", () => {
  const cases: [user: string, message: string][] = [
    ["root", "is root"],
    ["0", "is root"],
    ["0:65534", "is root"],
    ["nobody:0", "is root"],
    ["nobody:root", "is root"],
    ["4294967295:1", "out of range"],
    ["1:4294967295", "out of range"],
    ["no-such-user", "no user"],
    ["nobody:no-such-group", "no group"],
    ["1234", "no group of its own"],
    ["", "must be"],
    [":1", "must be"],
    ["1:", "must be"],
    ["1:2:3", "must be"],
  ];
  for (const [user, message] of cases) {
    assertThrows(() => findIdentity(user), UsageError, message, user);
  }
});

Deno.test("isMapped() finds an id in the map of a user namespace", () => {
  assertEquals(isMapped(65534, "         0          0 4294967295\n"), true);
  assertEquals(isMapped(65534, "         0          0          1\n"), false);
  assertEquals(isMapped(65534, "0 100000 1\n65534 165534 1\n"), true);
  assertEquals(isMapped(65534, ""), false);
});
