/**
 * A clone in a private home: the child, which may not enter it, gets its modules all the same. The
 * answers are those of a clone that everybody may read, PASS and FAIL alike.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { testNeeding } from "../support/needs.ts";
import { PrivateHome } from "./private_home.ts";

const root = { root: true };
const RUN = ["main.ts", "-v", "veth-fdpass"];
const KEEPS_ROOT = ["tests/hostile/run.ts", "./child.ts?root-saved", "veth-fdpass"];
const COPIES = /"\/.*\/home" is closed to other users: the child runs copies of its modules/;

testNeeding(
  root,
  "In a home of mode 0700: PASS, and FAIL for a child that keeps root",
  async () => {
    await using home = await PrivateHome.make();
    const { code, stdout, stderr } = await home.run(RUN);
    assertEquals([code, stderr], [0, ""], stdout);
    assertMatch(stdout, COPIES);

    const hostile = await home.run(KEEPS_ROOT);
    assertEquals([hostile.code, hostile.stderr], [1, ""], "a child that keeps root");
    assertMatch(hostile.stdout, /DROP-03 .*uids \[65534,65534,0,65534\]/);
  },
);

testNeeding(
  root,
  "In a home of mode 0700 without CAP_SYS_ADMIN: exit 4; opened: PASS",
  async () => {
    await using home = await PrivateHome.make();
    const before = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"];
    const { code, stdout, stderr } = await home.run(RUN, { before });
    assertEquals([code, stdout], [4, ""]);
    assertMatch(
      stderr,
      /^fdpass: A child could not read.*"\/.*\/home" is closed.*unshare.*not permitted/,
    );
    assertMatch(stderr, /\n {2}Move fdpass to a folder that every user can read.*\n$/);

    await home.do(`chmod 755 "$0"`);
    const open = await home.run(RUN, { before });
    assertEquals([open.code, open.stderr, COPIES.test(open.stdout)], [0, "", false], open.stdout);
  },
);
