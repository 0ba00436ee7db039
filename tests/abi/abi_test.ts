import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { msghdr } from "../../ffi/abi/layouts.ts";
import { SYSCALL_CONVENTIONS } from "../../ffi/ptrace/registers.ts";
import { testNeeding } from "../support/needs.ts";
import {
  askCompiler,
  constantFacts,
  declaredFacts,
  differences,
  golden,
  layoutFacts,
  macroFacts,
  portable,
} from "./oracle.ts";

const declared = declaredFacts();
const REGENERATE = "if the compiler agrees: deno run -A tests/abi/oracle.ts --write";

Deno.test("Layouts, constants and macros agree with the golden file", () => {
  assertEquals(differences(portable(declared), golden()), [], REGENERATE);
});

Deno.test("The golden file has no obsolete entry", () => {
  assertEquals(
    Object.keys(golden()).filter((each) => !Object.hasOwn(portable(declared), each)),
    [],
    REGENERATE,
  );
});

testNeeding(
  { programs: { cc: "gcc" } },
  "Layouts, constants and macros agree with the C compiler",
  async () => {
    assertEquals(differences(declared, await askCompiler(Object.keys(declared))), []);
  },
);

testNeeding(
  { programs: { cc: "gcc" } },
  "The registers of this machine agree with the C compiler",
  async () => {
    const declared = layoutFacts(SYSCALL_CONVENTIONS[Deno.build.arch].registers);
    assertEquals(differences(declared, await askCompiler(Object.keys(declared))), []);
  },
);

Deno.test("The declared facts include structs, fields, constants, errnos and macros", () => {
  for (
    const expression of [
      "sizeof(struct msghdr)",
      "offsetof(struct sockaddr_ll, sll_addr)",
      "sizeof(((struct sockaddr_ll *) 0)->sll_addr)",
      "MSG_CMSG_CLOEXEC",
      "EPERM",
      "CMSG_SPACE(64)",
    ]
  ) assert(Object.hasOwn(declared, expression), expression);
});

const { fields, size } = msghdr;

Deno.test("The golden file refutes a wrong size", () => {
  const wrong = layoutFacts({ name: "msghdr", size: 48, fields });
  assertEquals(differences(wrong, golden()), ["sizeof(struct msghdr) is 56, declared as 48"]);
});

Deno.test("The golden file refutes a wrong offset", () => {
  const wrong = layoutFacts({
    name: "msghdr",
    size,
    fields: { ...fields, msg_iov: [12, "pointer"] },
  });
  assertEquals(differences(wrong, golden()), [
    "offsetof(struct msghdr, msg_iov) is 16, declared as 12",
  ]);
});

Deno.test("The golden file refutes a field of the wrong width", () => {
  const wrong = layoutFacts({
    name: "msghdr",
    size,
    fields: { ...fields, msg_iovlen: [24, "u32"] },
  });
  assertEquals(differences(wrong, golden()), [
    "sizeof(((struct msghdr *) 0)->msg_iovlen) is 8, declared as 4",
  ]);
});

Deno.test("The golden file refutes a wrong constant and an unknown one", () => {
  assertEquals(differences(constantFacts({ AF_PACKET: 16, AF_NEW: 1 }), golden()), [
    "AF_PACKET is 17, declared as 16",
    "AF_NEW is not known, declared as 1",
  ]);
});

Deno.test("The golden file has the macros for lengths up to 64", () => {
  assertEquals(differences(macroFacts([64]), golden()), []);
  assertEquals(differences(macroFacts([65]), golden()).length, 3);
});

Deno.test("constantFacts() throws TypeError for a constant that is not a number", () => {
  assertThrows(() => constantFacts({ AF_UNIX: "1" }), TypeError, "AF_UNIX is not a number");
});

testNeeding(
  { programs: { cc: "gcc" } },
  "askCompiler() throws for an unknown name",
  async () => {
    await assertRejects(() => askCompiler(["AF_UNIX", "AF_NONE_SUCH"]), Error, "AF_NONE_SUCH");
  },
);
