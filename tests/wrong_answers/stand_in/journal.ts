/**
 * A journal that a process keeps whatever becomes of it: lines in a file that is mapped while the process still may map one.
 *
 * No descriptor stays open and no system call is made for a line, so no protection is in the way, and none is changed by it; and what a process wrote that
 * was killed is there.
 *
 * @module
 */

/** How large a journal may be, in bytes; the file is sparse. What does not fit is not written. */
const SIZE = 8 * 1024 * 1024;

// Source: fcntl.h, sys/mman.h of glibc, which are the same on x86_64 and aarch64 here.
const O_RDWR = 2;
const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_CLOEXEC = 0o2000000;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

/** How many processes of one side there may be. */
const MOST = 1000;

/** Opens a journal of this process's own in a folder, which anybody may write to: `child.3` is that of the third child. Returns its name, and what writes a line. */
export function openJournal(folder: string, side: string): [name: string, (line: string) => void] {
  // Its own door to libc: the tool's has the wrapper, and a child has no permission but for libc.
  const { symbols } = Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
    ftruncate: { parameters: ["i32", "i64"], result: "i32" },
    mmap: { parameters: ["usize", "usize", "i32", "i32", "i32", "i64"], result: "usize" },
    close: { parameters: ["i32"], result: "i32" },
    memcpy: { parameters: ["usize", "buffer", "usize"], result: "void" },
  });
  const encoder = new TextEncoder();
  const create = (name: string) =>
    symbols.open(
      encoder.encode(`${folder}/${name}\0`),
      O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
      0o644,
    );
  for (let number = 1; number <= MOST; number++) {
    const name = `${side}.${number}`;
    const fd = create(name);
    if (fd === -1) continue;
    symbols.ftruncate(fd, BigInt(SIZE));
    const start = symbols.mmap(0n, BigInt(SIZE), PROT_READ_WRITE, MAP_SHARED, fd, 0n);
    symbols.close(fd);
    let length = 0;
    // SAFETY: `SIZE` bytes are mapped at `start` until the process ends, and what is written lies within them.
    return [name, (line) => {
      const bytes = encoder.encode(`${line}\n`);
      if (length + bytes.length > SIZE) return;
      symbols.memcpy(start + BigInt(length), bytes, BigInt(bytes.length));
      length += bytes.length;
    }];
  }
  throw new Error(`There are ${MOST} journals in ${folder}, or it cannot be written to`);
}

/** The lines of every journal in a folder, by its name. */
export function readJournals(folder: string): Map<string, string[]> {
  const decoder = new TextDecoder();
  return new Map([...Deno.readDirSync(folder)].map(({ name }): [string, string[]] => {
    const bytes = Deno.readFileSync(`${folder}/${name}`);
    const end = bytes.indexOf(0);
    const text = decoder.decode(end === -1 ? bytes : bytes.subarray(0, end));
    return [name, text.split("\n").slice(0, -1)];
  }));
}
