/**
 * Instructions of classic BPF as text.
 *
 * @module
 */

import {
  BPF_A,
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_B,
  BPF_DIV,
  BPF_H,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_JSET,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LEN,
  BPF_LSH,
  BPF_MAXINSNS,
  BPF_MEM,
  BPF_MISC,
  BPF_MOD,
  BPF_MSH,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RET,
  BPF_RSH,
  BPF_ST,
  BPF_STX,
  BPF_SUB,
  BPF_TAX,
  BPF_TXA,
  BPF_W,
  BPF_X,
  BPF_XOR,
  SKF_AD_ALU_XOR_X,
  SKF_AD_CPU,
  SKF_AD_HATYPE,
  SKF_AD_IFINDEX,
  SKF_AD_MARK,
  SKF_AD_NLATTR,
  SKF_AD_NLATTR_NEST,
  SKF_AD_OFF,
  SKF_AD_PAY_OFFSET,
  SKF_AD_PKTTYPE,
  SKF_AD_PROTOCOL,
  SKF_AD_QUEUE,
  SKF_AD_RANDOM,
  SKF_AD_RXHASH,
  SKF_AD_VLAN_TAG,
  SKF_AD_VLAN_TAG_PRESENT,
  SKF_AD_VLAN_TPID,
} from "../abi/constants.ts";
import { sock_filter } from "../abi/layouts.ts";
import type { BpfInstruction } from "./bpf.ts";
import { isConditionalJump } from "./bpf_code.ts";

const decimal = (k: number) => `#${k | 0}`;
const hexadecimal = (k: number) => `#0x${k.toString(16)}`;
const inX = () => "x";
const cell = (k: number) => `M[${k | 0}]`;
const nothing = () => "";

/** Metadata of a packet, as libpcap abbreviates it. */
const METADATA = new Map<number, string>([
  [SKF_AD_PROTOCOL, "proto"],
  [SKF_AD_PKTTYPE, "type"],
  [SKF_AD_IFINDEX, "ifidx"],
  [SKF_AD_NLATTR, "nla"],
  [SKF_AD_NLATTR_NEST, "nlan"],
  [SKF_AD_MARK, "mark"],
  [SKF_AD_QUEUE, "queue"],
  [SKF_AD_HATYPE, "hatype"],
  [SKF_AD_RXHASH, "rxhash"],
  [SKF_AD_CPU, "cpu"],
  [SKF_AD_ALU_XOR_X, "xor_x"],
  [SKF_AD_VLAN_TAG, "vlan_tci"],
  [SKF_AD_VLAN_TAG_PRESENT, "vlanp"],
  [SKF_AD_PAY_OFFSET, "poff"],
  [SKF_AD_RANDOM, "random"],
  [SKF_AD_VLAN_TPID, "vlan_tpid"],
]);
const absolute = (k: number) => `[${METADATA.get((k | 0) - SKF_AD_OFF) ?? k | 0}]`;
const fromX = (k: number) => `[x + ${k | 0}]`;

/** The name of an instruction, and its operand. */
type Syntax = readonly [name: string, operand: (k: number) => string];

const COMPUTATIONS: [operation: number, name: string, operand: (k: number) => string][] = [
  [BPF_ADD, "add", decimal],
  [BPF_SUB, "sub", decimal],
  [BPF_MUL, "mul", decimal],
  [BPF_DIV, "div", decimal],
  [BPF_MOD, "mod", decimal],
  [BPF_AND, "and", hexadecimal],
  [BPF_OR, "or", hexadecimal],
  [BPF_XOR, "xor", hexadecimal],
  [BPF_LSH, "lsh", decimal],
  [BPF_RSH, "rsh", decimal],
];
const CONDITIONS: [operation: number, name: string][] = [
  [BPF_JEQ, "jeq"],
  [BPF_JGT, "jgt"],
  [BPF_JGE, "jge"],
  [BPF_JSET, "jset"],
];
const LOADS: [size: number, name: string][] = [[BPF_W, "ld"], [BPF_H, "ldh"], [BPF_B, "ldb"]];

const SYNTAX = new Map<number, Syntax>([
  ...LOADS.flatMap(([size, name]): [number, Syntax][] => [
    [BPF_LD | size | BPF_ABS, [name, absolute]],
    [BPF_LD | size | BPF_IND, [name, fromX]],
  ]),
  [BPF_LD | BPF_IMM, ["ld", hexadecimal]],
  [BPF_LD | BPF_MEM, ["ld", cell]],
  [BPF_LD | BPF_LEN, ["ld", () => "#pktlen"]],
  [BPF_LDX | BPF_IMM, ["ldx", hexadecimal]],
  [BPF_LDX | BPF_MEM, ["ldx", cell]],
  [BPF_LDX | BPF_LEN, ["ldx", () => "#pktlen"]],
  [BPF_LDX | BPF_B | BPF_MSH, ["ldxb", (k) => `4*([${k | 0}]&0xf)`]],
  [BPF_ST, ["st", cell]],
  [BPF_STX, ["stx", cell]],
  ...COMPUTATIONS.flatMap(([operation, name, operand]): [number, Syntax][] => [
    [BPF_ALU | operation | BPF_K, [name, operand]],
    [BPF_ALU | operation | BPF_X, [name, inX]],
  ]),
  [BPF_ALU | BPF_NEG, ["neg", nothing]],
  ...CONDITIONS.flatMap(([operation, name]): [number, Syntax][] => [
    [BPF_JMP | operation | BPF_K, [name, hexadecimal]],
    [BPF_JMP | operation | BPF_X, [name, inX]],
  ]),
  [BPF_RET | BPF_K, ["ret", decimal]],
  [BPF_RET | BPF_A, ["ret", nothing]],
  [BPF_MISC | BPF_TAX, ["tax", nothing]],
  [BPF_MISC | BPF_TXA, ["txa", nothing]],
]);

const NUMBER_WIDTH = 3, NAME_WIDTH = 8, OPERAND_WIDTH = 16;

/**
 * An instruction as `tcpdump -d` prints it, with spaces in place of tabs and none at the end.
 * Source: `bpf_image` in bpf_image.c of libpcap. One form is not from there: `ldx #pktlen`.
 *
 * @param at The index of the instruction.
 * @param operand What to print as its operand, if it is known better.
 */
export function bpfImage(instruction: BpfInstruction, at: number, operand?: string): string {
  const { code, jt, jf, k } = instruction;
  const isJump = code === (BPF_JMP | BPF_JA);
  const [name, operandOf]: Syntax = isJump
    ? ["ja", () => String((at + 1 + k) | 0)]
    : SYNTAX.get(code) ?? ["unimp", () => `0x${code.toString(16)}`];
  const number = String(at).padStart(NUMBER_WIDTH, "0");
  const image = `(${number}) ${name.padEnd(NAME_WIDTH)} ${operand ?? operandOf(k)}`;
  if (!isConditionalJump(instruction)) return image.trimEnd();
  const width = NUMBER_WIDTH + "() ".length + NAME_WIDTH + 1 + OPERAND_WIDTH;
  return `${image.padEnd(width)} jt ${at + 1 + jt}  jf ${at + 1 + jf}`;
}

/**
 * Decodes whatever may be in a program: up to 4096 instructions, without a check.
 *
 * @returns The instructions, and how many bytes are left.
 */
export function decodeAny(program: Uint8Array<ArrayBuffer>): {
  readonly instructions: BpfInstruction[];
  readonly left: number;
} {
  const { size } = sock_filter;
  const length = Math.min(Math.floor(program.length / size), BPF_MAXINSNS);
  const instructions = Array.from({ length }, (_, i) => {
    const { code, jt, jf, k } = sock_filter.over(program, i * size);
    return { code, jt, jf, k };
  });
  return { instructions, left: program.length - length * size };
}

/** The column of remarks: behind a jump whose targets have three digits. */
const REMARK = 46;

/** A line with a remark, if there is one. */
export function remarked(image: string, remark: string | undefined): string {
  return remark === undefined ? image : `${image.padEnd(REMARK)}  ; ${remark}`;
}

/** A line on the bytes that are no instruction, if there are any. */
export function bytesLeft(left: number): string[] {
  return left === 0 ? [] : [`; ${left} more bytes, which are no instruction`];
}
