import { assertEquals } from "@std/assert";
import { testNeeding } from "../../support/needs.ts";
import { errnosInStorm } from "./errno_storm.ts";

/** Successful calls before errno is read: enough that a signal mostly arrives among them. */
const PAUSE = 100;
const CALLS = 20_000;

for (const process of ["refused", "hardened"] as const) {
  testNeeding(
    { root: true },
    `A signal handler overwrites the errno of a call in a ${process} process without the cure`,
    async () => {
      const { wrong } = await errnosInStorm({ process, isCured: false, calls: 0, pause: PAUSE });
      assertEquals(Object.keys(wrong), ["EPERM"]);
    },
  );
}

for (const process of ["listening", "refused", "plain", "hardened"] as const) {
  testNeeding(
    { root: true },
    `A call keeps its errno under a storm of signals in a ${process} process`,
    async () => {
      const result = await errnosInStorm({ process, isCured: true, calls: CALLS, pause: PAUSE });
      assertEquals(result, { made: CALLS, wrong: {} });
    },
  );
}
