import { assertEquals } from "@std/assert";
import { Errno } from "../../../../ffi/mod.ts";
import { whyNoOwnRing } from "../../../../lib/host/kernel.ts";
import { testNeeding } from "../../../support/needs.ts";
import { inNamespace, ROOT } from "../../../support/programs.ts";

const program = [
  Deno.execPath(),
  "run",
  "-A",
  "--quiet",
  `${ROOT}/tests/lib/experiments/authority/programs/attacks.ts`,
];
const byRing = whyNoOwnRing() ?? true;

testNeeding(
  { root: true, programs: { ip: "iproute2", perl: "perl" } },
  "An attack reports an effect only if it had one",
  async () => {
    const { code, stdout, stderr } = await inNamespace(program);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    assertEquals(JSON.parse(stdout), {
      rebound: true,
      "rebound to all": true,
      "not rebound": false,
      "rebound, and another frame": false,
      promiscuous: true,
      "promiscuous without effect": false,
      "no ring": "mmap: Invalid argument (EINVAL)",
      "sent by ring": true,
      "sent by sendmsg": true,
      "sent by sendmmsg": true,
      "sent by writev": true,
      "sent by splice": true,
      "sent by io_uring": byRing,
      "marked by the program": true,
      "marked in a user namespace": false,
      "user namespace refused": [0, Errno.EINVAL],
      "sent past a filter": "sendto: Permission denied (EACCES)",
      "sent past a filter by splice": true,
      "sent past a filter by io_uring": byRing,
    });
  },
);
