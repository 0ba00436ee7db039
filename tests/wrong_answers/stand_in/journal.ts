/**
 * A journal that survives the process that writes it: lines in a file that is mapped while the
 * process may still map one.
 *
 * Writing a line takes no descriptor and no system call, so protections neither prevent it nor are
 * changed by it. The lines of a process that was killed remain.
 *
 * @module
 */

import {
  MAP_SHARED,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
} from "../../../ffi/abi/constants.ts";

/** The size of a journal in bytes; the file is sparse. Lines that do not fit are dropped. */
const SIZE = 8 * 1024 * 1024;

/** The most processes of one side. */
const MOST = 1000;

/**
 * Opens a journal for this process in a folder that anybody may write to.
 *
 * @returns Its name, such as `child.3` for the third child, and a function that writes a line.
 * @throws {Error} If the folder cannot be written to, or has too many journals.
 */
export function openJournal(folder: string, side: string): [name: string, (line: string) => void] {
  // A separate handle on libc: the tool's own has the wrappers, and a child may open nothing else.
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
    const start = symbols.mmap(0n, BigInt(SIZE), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0n);
    symbols.close(fd);
    let length = 0;
    // SAFETY: `SIZE` bytes are mapped at `start` until the process ends, and every write lies
    // within them.
    return [name, (line) => {
      const bytes = encoder.encode(`${line}\n`);
      if (length + bytes.length > SIZE) return;
      symbols.memcpy(start + BigInt(length), bytes, BigInt(bytes.length));
      length += bytes.length;
    }];
  }
  throw new Error(`There are ${MOST} journals in ${folder}, or it cannot be written to`);
}

/** The lines of each journal in a folder, by the journal's name. */
export function readJournals(folder: string): Map<string, string[]> {
  const decoder = new TextDecoder();
  return new Map([...Deno.readDirSync(folder)].map(({ name }): [string, string[]] => {
    const bytes = Deno.readFileSync(`${folder}/${name}`);
    const end = bytes.indexOf(0);
    const text = decoder.decode(end === -1 ? bytes : bytes.subarray(0, end));
    return [name, text.split("\n").slice(0, -1)];
  }));
}
