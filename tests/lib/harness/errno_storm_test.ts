import { assertEquals } from "@std/assert";
import { testNeeding } from "../../support/needs.ts";
import { errnosInStorm } from "./errno_storm.ts";

/** Other calls before errno is read: so many that a signal comes between in most cases. */
const PAUSE = 100;
const CALLS = 20_000;

for (const process of ["refused", "hardened"] as const) {
  testNeeding(
    { root: true },
    `A handler's errno is read in place of the call's, in a ${process} process without the cure`,
    async () => {
      const { wrong } = await errnosInStorm({ process, isCured: false, calls: 0, pause: PAUSE });
      assertEquals(Object.keys(wrong), ["EPERM"]);
    },
  );
}

for (const process of ["listening", "refused", "plain", "hardened"] as const) {
  testNeeding(
    { root: true },
    `errno is that of the call, under a storm of signals, in a ${process} process`,
    async () => {
      const seen = await errnosInStorm({ process, isCured: true, calls: CALLS, pause: PAUSE });
      assertEquals(seen, { made: CALLS, wrong: {} });
    },
  );
}
