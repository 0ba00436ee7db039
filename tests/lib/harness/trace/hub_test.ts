import { assertEquals } from "@std/assert";
import { Tracing } from "../../../../lib/harness/trace/hub.ts";

const call = (text: string) => ({ kind: "call", began: 1, milliseconds: 0, tid: 1, text }) as const;

Deno.test("Tracing passes calls to its keeper, until that refuses more of the same side", () => {
  const tracing = new Tracing(false);
  const kept: string[] = [];
  tracing.receive("child", 7, call("before()"));
  {
    using _kept = tracing.keptBy((side, pid, { text }) => {
      kept.push(`${side} ${pid} ${text}`);
      return side === "child";
    });
    tracing.receive("child", 7, call("one()"));
    tracing.receive("child", 7, { kind: "detail", began: 1, text: "of one()" });
    tracing.receive("parent", 8, call("two()"));
    tracing.receive("parent", 8, call("three()"));
    tracing.receive("child", 7, call("four()"));
  }
  tracing.receive("child", 7, call("after()"));
  assertEquals(kept, ["child 7 one()", "parent 8 two()", "child 7 four()"]);
});

Deno.test("Tracing asks a child for structures only if they are printed", () => {
  assertEquals([new Tracing(true).wanted, new Tracing(false).wanted], ["structures", "calls"]);
});
