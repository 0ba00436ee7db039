import { assertEquals } from "@std/assert";
import { parametersOf } from "../../../ffi/trace/prototype.ts";

Deno.test("parametersOf() finds types and names", () => {
  const cases: [prototype: string, parameters: [type: string, name: string][]][] = [
    ["int close(int fd)", [["int", "fd"]]],
    ["pid_t getppid(void)", []],
    ["int *__errno_location(void)", []],
    ["int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen)", [
      ["int", "sockfd"],
      ["struct sockaddr *", "addr"],
      ["socklen_t", "addrlen"],
    ]],
    ["int pipe2(int pipefd[2], int flags)", [["int[]", "pipefd"], ["int", "flags"]]],
    ["int open(const char *pathname, int flags, ...)", [["char *", "pathname"], ["int", "flags"]]],
    ["int prctl(int op, ... /* unsigned long arg2, arg3 */)", [
      ["int", "op"],
      ["unsigned long", "arg2"],
      ["unsigned long", "arg3"],
    ]],
    ["int create(void *(*start_routine)(void *), char *const argv[])", [
      ["function *", "start_routine"],
      ["char *[]", "argv"],
    ]],
  ];
  for (const [prototype, expected] of cases) {
    assertEquals(
      parametersOf(prototype).map(({ type, name }) => [type, name]),
      expected,
      prototype,
    );
  }
});

Deno.test("Every prototype of libc.ts names its parameters as the labels of their types do", async () => {
  const source = await Deno.readTextFile(new URL("../../../ffi/abi/libc.ts", import.meta.url));
  const table = source.match(/export const LIBC_SYMBOLS = \{\n([^]*?)\n\} as const/)![1];
  const entries = table.split(/^ {2}\},$/m).filter((entry) => entry.trim() !== "");
  for (const entry of entries) {
    const [, name] = entry.match(/^ {2}(\w+): \{$/m)!;
    const [, prototype] = entry.match(/prototype:\s+"(.*)"/)!;
    const labels = [...(entry.match(/\] as \[([^]*?)\]/)?.[1] ?? "").matchAll(/(\w+): "/g)];
    const names = parametersOf(prototype).map((each) => each.name);
    assertEquals(names, labels.map(([, label]) => label), name);
    assertEquals(prototype.includes(`${name === "pollAsync" ? "poll" : name}(`), true, name);
  }
  assertEquals(entries.length > 50, true);
});
