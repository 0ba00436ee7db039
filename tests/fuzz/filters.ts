/**
 * The readers of filters that another process has installed, of system calls and of packets: the
 * interpreter answers or throws an Error, whatever the bytes, and the disassemblers print every
 * instruction.
 *
 * @module
 */

import fc from "fast-check";
import {
  type BpfInstruction,
  bpfInstructions,
  disassemble,
  disassembleSyscallFilter,
  evaluateFilters,
  type FilterAnswer,
} from "../../ffi/mod.ts";
import { nearly } from "./bytes.ts";
import { must, target } from "./target.ts";

const instruction: fc.Arbitrary<BpfInstruction> = fc.record({
  code: fc.constantFrom(
    ...[0x20, 0x80, 0x81, 0x00, 0x01, 0x60, 0x61, 0x02, 0x03, 0x07, 0x87, 0x84, 0x06, 0x16],
    ...[0x04, 0x0c, 0x1c, 0x2c, 0x34, 0x3c, 0x4c, 0x5c, 0x64, 0x6c, 0x74, 0x7c, 0xac],
    ...[0x05, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d],
    ...[0x28, 0x30, 0x48, 0xb1, 0x94], // of socket filters only
  ),
  jt: fc.nat(6),
  jf: fc.nat(6),
  k: fc.oneof(fc.nat(15).map((i) => 4 * i), fc.nat(7), fc.nat(0xffffffff)),
});

/** Programs that end in a return. */
const program = fc.array(instruction, { maxLength: 12 }).map((instructions) => {
  const all = [...instructions, { code: 0x06, jt: 0, jf: 0, k: 0x7fff0000 }];
  const bytes = new Uint8Array(all.length * 8);
  const view = new DataView(bytes.buffer);
  all.forEach(({ code, jt, jf, k }, i) => {
    view.setUint16(8 * i, code, true);
    bytes.set([jt, jf], 8 * i + 2);
    view.setUint32(8 * i + 4, k, true);
  });
  return bytes;
});

/** A program, as an array so that a counterexample can be read, and the call's first argument. */
interface Case {
  readonly bytes: Uint8Array;
  readonly argument: bigint;
}

const cases: fc.Arbitrary<Case> = fc.record({
  bytes: nearly(program),
  argument: fc.bigInt(0n, (1n << 64n) - 1n),
});

/** The functions under test. */
interface Reader {
  evaluate(program: Uint8Array<ArrayBuffer>, argument: bigint): FilterAnswer;
  readonly texts: readonly ((program: Uint8Array<ArrayBuffer>) => string[])[];
}

const reader: Reader = {
  evaluate: (program, argument) => evaluateFilters([program], { nr: 39, args: [argument] }),
  texts: [disassemble, (program) => disassemble(program, false), disassembleSyscallFilter],
};

/** Whether a program can be one at all: it consists of instructions, and ends in a return. */
function ends(bytes: Uint8Array): boolean {
  const last = bytes.at(-8) ?? 0;
  return bytes.length > 0 && bytes.length % 8 === 0 && (last === 0x06 || last === 0x16) &&
    bytes.at(-7) === 0;
}

function checkAnswer(reader: Reader, program: Uint8Array<ArrayBuffer>, argument: bigint): void {
  let answer: FilterAnswer;
  try {
    answer = reader.evaluate(program, argument);
  } catch (error) {
    must(error instanceof Error && !(error instanceof TypeError), `it threw ${error}`);
    must(/not valid|A BPF program has/.test(error.message), error.message);
    return;
  }
  must(ends(program), "it answered for a program without an end");
  const { code, k } = bpfInstructions(program)[answer.instruction];
  const divides = code === 0x3c && answer.value === 0;
  const returns = code === 0x06 && answer.value === k;
  must(divides || returns || code === 0x16, `0x${code.toString(16)} is no end of a program`);
}

/** Readable text, a line for each instruction and one for what is left. */
function checkText(lines: readonly string[], program: Uint8Array<ArrayBuffer>): void {
  const count = Math.floor(program.length / 8);
  must(lines.length === count + (program.length % 8 === 0 ? 0 : 1), `${lines.length} lines`);
  for (const [i, line] of lines.entries()) {
    must(/^[ -~]{8,120}$/.test(line), JSON.stringify(line));
    must(i === count || line.startsWith(`(${String(i).padStart(3, "0")}) `), line);
  }
}

/** The target. */
export const filters = target<Case, Reader>({
  claim: "An installed filter of any bytes is read, or refused with an Error",
  cases,
  subject: reader,
  wrong: {
    "answers for what the kernel would refuse": {
      ...reader,
      evaluate: (program, argument) => {
        try {
          return reader.evaluate(program, argument);
        } catch {
          return reader.evaluate(Uint8Array.of(6, 0, 0, 0, 0, 0, 0xff, 0x7f), argument);
        }
      },
    },
    "reads an instruction beyond the end": {
      ...reader,
      evaluate: (program, argument) => {
        if (program.length % 8 !== 0) throw new TypeError("undefined is not a number");
        return reader.evaluate(program, argument);
      },
    },
    "names an instruction that does not decide": {
      ...reader,
      evaluate: (program, argument) => {
        const answer = reader.evaluate(program, argument);
        return { ...answer, instruction: 0 };
      },
    },
    "leaves out instructions that it does not know": {
      ...reader,
      texts: [(program) => disassemble(program).filter((line) => !line.includes("unimp"))],
    },
  },
  check(reader, { bytes, argument }) {
    const program = Uint8Array.from(bytes);
    checkAnswer(reader, program, argument);
    for (const text of reader.texts) checkText(text(program), program);
  },
});
