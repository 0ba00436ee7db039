import { assertEquals } from "@std/assert";
import { whyNoOwnRing } from "../../lib/host/kernel.ts";
import { ROOT, runProgram } from "../support/programs.ts";

const reason = whyNoOwnRing();

Deno.test({
  name: `IoUring.close() leaves no memory that the kernel still writes to${
    reason === undefined ? "" : ` # SKIP ${reason}`
  }`,
  ignore: reason !== undefined,
  async fn() {
    for (let run = 0; run < 6; run++) {
      const program = `${ROOT}/tests/soak/ring_isolates.ts`;
      const { code, stdout } = await runProgram(Deno.execPath(), ["run", "-A", program], {
        timeout: 60_000,
      });
      assertEquals([code, stdout], [0, "done\n"]);
    }
  },
});
