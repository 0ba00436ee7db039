/**
 * Socket filters as text.
 *
 * @module
 */

import {
  BPF_ABS,
  BPF_ALU,
  BPF_B,
  BPF_H,
  BPF_IND,
  BPF_JEQ,
  BPF_JMP,
  BPF_JSET,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_MISC,
  BPF_MSH,
  BPF_RET,
  BPF_TAX,
  BPF_TXA,
} from "../abi/constants.ts";
import type { BpfInstruction } from "./bpf.ts";
import { bpfClass, bpfMode, bpfSize } from "./bpf_code.ts";
import { eitherOf, flow, type Knowledge } from "./bpf_flow.ts";
import { bpfImage, bytesLeft, decodeAny, remarked } from "./bpf_image.ts";
import {
  type FrameField,
  frameField,
  type FrameKnowledge,
  frameValue,
  networkOffset,
  transportField,
} from "./frame_fields.ts";

/** What is known before an instruction. */
interface Known extends FrameKnowledge {
  /** The field in the accumulator. */
  readonly a: FrameField | undefined;
  /** Whether the index register holds the length of the IPv4 header. */
  readonly isHeaderLengthInX: boolean;
}

const MSH = BPF_LDX | BPF_B | BPF_MSH, EQUAL = BPF_JMP | BPF_JEQ | BPF_K;
/** The bits of the fragment offset in its 16 bits: RFC 791. */
const FRAGMENT_OFFSET = 0x1fff;

function sizeOf(code: number): number {
  const size = bpfSize(code);
  return size === BPF_B ? 1 : size === BPF_H ? 2 : 4;
}

/** What is known of a frame while a filter runs. */
class FrameReader implements Knowledge<Known> {
  readonly start: Known = {
    a: undefined,
    isHeaderLengthInX: false,
    ethertypes: undefined,
    protocols: undefined,
  };

  constructor(readonly isEthernet: boolean) {}

  /** The field that an instruction loads. */
  loaded({ code, k }: BpfInstruction, known: Known): FrameField | undefined {
    if (bpfClass(code) !== BPF_LD) return undefined;
    const size = sizeOf(code);
    if (bpfMode(code) === BPF_ABS) return frameField(k, size, known, this.isEthernet);
    const offset = networkOffset(k, this.isEthernet);
    return bpfMode(code) === BPF_IND && known.isHeaderLengthInX && offset !== undefined
      ? transportField(offset, size, known)
      : undefined;
  }

  /** Whether an instruction loads the length of the IPv4 header. */
  isHeaderLength({ code, k }: BpfInstruction): boolean {
    return code === MSH && networkOffset(k, this.isEthernet) === 0;
  }

  after(instruction: BpfInstruction, known: Known, holds: boolean): Known {
    const { code, k } = instruction;
    switch (bpfClass(code)) {
      case BPF_LD:
        return { ...known, a: this.loaded(instruction, known) };
      case BPF_LDX:
        return { ...known, isHeaderLengthInX: this.isHeaderLength(instruction) };
      case BPF_ALU:
        return { ...known, a: undefined };
      case BPF_MISC:
        return code === (BPF_MISC | BPF_TXA)
          ? { ...known, a: undefined }
          : code === (BPF_MISC | BPF_TAX)
          ? { ...known, isHeaderLengthInX: false }
          : known;
      case BPF_JMP:
        if (code !== EQUAL || !holds) return known;
        if (known.a?.meaning === "ethertype") return { ...known, ethertypes: new Set([k]) };
        if (known.a?.meaning === "protocol") return { ...known, protocols: new Set([k]) };
        return known;
      default:
        return known;
    }
  }

  either(one: Known, other: Known): Known {
    const isSame = one.a?.name === other.a?.name && one.a?.meaning === other.a?.meaning;
    return {
      a: isSame ? one.a : undefined,
      isHeaderLengthInX: one.isHeaderLengthInX && other.isHeaderLengthInX,
      ethertypes: eitherOf(one.ethertypes, other.ethertypes),
      protocols: eitherOf(one.protocols, other.protocols),
    };
  }

  /** An instruction in words; undefined where there are none. */
  remark(instruction: BpfInstruction, known: Known): string | undefined {
    const { code, k } = instruction;
    if (code === (BPF_RET | BPF_K)) return k === 0 ? "drop" : "keep";
    if (this.isHeaderLength(instruction)) return "IPv4 header length";
    if (code === EQUAL) return frameValue(known.a?.meaning, k);
    if (code === (BPF_JMP | BPF_JSET | BPF_K)) {
      return known.a?.meaning === "fragment" && k === FRAGMENT_OFFSET
        ? "a fragment, but not the first"
        : undefined;
    }
    return this.loaded(instruction, known)?.name;
  }
}

/**
 * A socket filter as text, one instruction a line: as `tcpdump -d` prints it (with spaces in place
 * of tabs), and after `  ; ` the fields of the frame and their values in words where they are
 * known. Instructions that no path reaches are marked.
 *
 * The program may be anything; instructions that do not exist read `unimp`. At most 4096 are shown.
 *
 * @param isEthernet Whether packets begin with an Ethernet header, as those of a `SOCK_RAW` socket
 * on Ethernet do, and not with the header of the network, as those of a `SOCK_DGRAM` socket do.
 *
 * @example
 * ```ts
 * import { assemble, bpfJumpEqual, bpfLoad, bpfReturn, disassemble, ETH_P_IP } from "../mod.ts";
 *
 * const lines = disassemble(assemble([
 *   bpfLoad(12, 2),
 *   bpfJumpEqual(ETH_P_IP, 0, 1),
 *   bpfReturn(0xffffffff),
 *   bpfReturn(0),
 * ]));
 * // (000) ldh      [12]                            ; EtherType
 * // (001) jeq      #0x800           jt 2  jf 3     ; IPv4
 * // (002) ret      #-1                             ; keep
 * // (003) ret      #0                              ; drop
 * console.log(lines.join("\n"));
 * ```
 */
export function disassemble(program: Uint8Array<ArrayBuffer>, isEthernet = true): string[] {
  const { instructions, left } = decodeAny(program);
  const reader = new FrameReader(isEthernet);
  const known = flow(instructions, reader);
  const lines = instructions.map((instruction, at) => {
    const before = known[at];
    const remark = before === undefined ? "never reached" : reader.remark(instruction, before);
    return remarked(bpfImage(instruction, at), remark);
  });
  return [...lines, ...bytesLeft(left)];
}
