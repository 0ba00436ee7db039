import { assert, assertEquals } from "@std/assert";
import { LIBC_SYMBOLS } from "../../../ffi/abi/libc.ts";
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

/** The Deno types that match a C type. A pointer is a buffer unless it is passed as an address. */
const FFI_TYPES: Record<string, readonly string[]> = {
  int: ["i32"],
  clockid_t: ["i32"],
  pid_t: ["i32"],
  long: ["isize", "usize"],
  off_t: ["i64"],
  gid_t: ["u32"],
  mode_t: ["u32"],
  socklen_t: ["u32"],
  uid_t: ["u32"],
  "unsigned int": ["u32"],
  nfds_t: ["usize"],
  size_t: ["usize"],
  "unsigned long": ["usize"],
  pthread_t: ["u64"],
  cap_user_header_t: ["buffer"],
  cap_user_data_t: ["buffer"],
  "function *": ["pointer"],
  "void *": ["buffer", "pointer", "usize"],
};

const FFI_RESULTS: Record<string, readonly string[]> = {
  int: ["i32"],
  pid_t: ["i32"],
  long: ["i32"],
  ssize_t: ["i32"],
  size_t: ["u32"],
  "unsigned int": ["u32"],
  "void *": ["pointer", "i32", "u64", "void"],
};

for (const [name, symbol] of Object.entries(LIBC_SYMBOLS)) {
  const called = "name" in symbol ? symbol.name : name;
  Deno.test(`The signature of ${name} in libc.ts agrees with its prototype`, () => {
    const parameters = parametersOf(symbol.prototype);
    const expected = parameters.map(({ type }) =>
      FFI_TYPES[type] ?? (/[*\]]$/.test(type) ? ["buffer", "pointer"] : [])
    );
    assertEquals(symbol.parameters.length, expected.length);
    symbol.parameters.forEach((type: string, i: number) =>
      assert(expected[i].includes(type), `${parameters[i].type} ${parameters[i].name}: ${type}`)
    );
    const [, result] = symbol.prototype.match(`^(?:const )?(.+?) ?(?=\\*?${called}\\()`)!;
    const isPointer = symbol.prototype.includes(`*${called}(`);
    const allowed = isPointer ? FFI_RESULTS[`${result} *`] ?? ["pointer"] : FFI_RESULTS[result];
    assert(allowed.includes(symbol.result), `${result}: ${symbol.result}`);
  });
}
