/**
 * The arithmetic of classic BPF.
 *
 * @module
 */

import {
  BPF_ADD,
  BPF_AND,
  BPF_DIV,
  BPF_LSH,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RSH,
  BPF_SUB,
  BPF_XOR,
} from "../abi/constants.ts";

/** `a op b` in 32 bits without a sign; undefined for a division by 0. */
export function compute(operation: number, a: number, b: number): number | undefined {
  switch (operation) {
    case BPF_ADD:
      return (a + b) >>> 0;
    case BPF_SUB:
      return (a - b) >>> 0;
    case BPF_MUL:
      return Math.imul(a, b) >>> 0;
    case BPF_DIV:
      return b === 0 ? undefined : Math.floor(a / b);
    case BPF_OR:
      return (a | b) >>> 0;
    case BPF_AND:
      return (a & b) >>> 0;
    case BPF_XOR:
      return (a ^ b) >>> 0;
    case BPF_LSH: // by the low 5 bits of b, in JavaScript as in the kernel
      return (a << b) >>> 0;
    case BPF_RSH:
      return a >>> b;
    case BPF_NEG:
      return -a >>> 0;
    default:
      throw new Error(`There is no operation 0x${operation.toString(16)}`);
  }
}
