import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AF_UNIX,
  compareDescriptorTables,
  dup,
  isSameFile,
  openDescriptors,
  OwnedFd,
  setCloseOnExec,
  sharesDescriptors,
  SOCK_DGRAM,
  socket,
  SystemError,
} from "../../../ffi/mod.ts";

const newSocket = () => new OwnedFd(socket(AF_UNIX, SOCK_DGRAM, 0));

/** Runs a test on a process that inherited a descriptor. */
async function withHolder(fd: number, test: (pid: number) => void): Promise<void> {
  setCloseOnExec(fd, false);
  const child = new Deno.Command("cat", { stdin: "piped", stdout: "null" }).spawn();
  setCloseOnExec(fd, true);
  try {
    test(child.pid);
  } finally {
    await child.stdin.close();
    await child.status;
  }
}

Deno.test("isSameFile() is true for a socket and its copy in another process", async () => {
  using passed = newSocket();
  await withHolder(passed.fd, (pid) => {
    assert(openDescriptors(pid).has(passed.fd));
    assert(isSameFile(Deno.pid, passed.fd, pid, passed.fd));
  });
});

Deno.test("isSameFile() is false for two different sockets", () => {
  using one = newSocket();
  using other = newSocket();
  using copy = new OwnedFd(dup(one.fd));
  assert(isSameFile(Deno.pid, one.fd, Deno.pid, copy.fd));
  assertEquals(isSameFile(Deno.pid, one.fd, Deno.pid, other.fd), false);
  assertEquals(isSameFile(Deno.pid, other.fd, Deno.pid, one.fd), false);
});

Deno.test("isSameFile() throws EBADF for a descriptor that is not open", () => {
  using closed = newSocket();
  closed.close();
  const error = assertThrows(() => isSameFile(Deno.pid, 0, Deno.pid, closed.fd), SystemError);
  assertEquals([error.syscall, error.code], ["kcmp", "EBADF"]);
});

Deno.test("sharesDescriptors() is true for threads of one process, and false for two processes", async () => {
  const threads = [...Deno.readDirSync("/proc/self/task")].map(({ name }) => Number(name));
  assert(threads.length > 1);
  for (const tid of threads) assert(sharesDescriptors(Deno.pid, tid), `${tid}`);
  using passed = newSocket();
  await withHolder(passed.fd, (pid) => {
    assertEquals(sharesDescriptors(Deno.pid, pid), false);
  });
});

Deno.test("compareDescriptorTables() is 0 for threads of one process, and an order for processes", async () => {
  const threads = [...Deno.readDirSync("/proc/self/task")].map(({ name }) => Number(name));
  for (const tid of threads) assertEquals(compareDescriptorTables(Deno.pid, tid), 0);
  using passed = newSocket();
  await withHolder(passed.fd, (pid) => {
    const order = compareDescriptorTables(Deno.pid, pid);
    assertEquals(Math.abs(order), 1);
    assertEquals(compareDescriptorTables(pid, Deno.pid), -order);
  });
});
