/**
 * A second implementation of classic BPF programs that read frames: an interpreter of their bytes,
 * independent of their assembler.
 *
 * @module
 */

/** A frame as the kernel delivers it, and what the kernel knows of it. */
export interface Frame {
  /** The bytes from the network header on. */
  readonly network: Uint8Array;
  /** Its Ethernet type. */
  readonly protocol: number;
  readonly cpu?: number;
  readonly queue?: number;
  readonly random?: number;
}

const NETWORK = 0xfff00000, KNOWN = 0xfffff000;

/**
 * Runs a program over a frame, and returns the program's result. As in the kernel, the result is 0
 * if a load is out of range. An instruction has 8 bytes: code, jt, jf, k. Source:
 * Documentation/networking/filter.rst.
 *
 * @throws {Error} If the program is not valid.
 */
export function runOverFrame(program: Uint8Array<ArrayBuffer>, frame: Frame): number {
  const code = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const known: Record<number, number> = {
    0: frame.protocol,
    24: frame.queue ?? 0,
    36: frame.cpu ?? 0,
    56: frame.random ?? 0,
  };
  const load = (k: number): number | undefined => {
    if (k >= KNOWN) return known[k - KNOWN];
    const at = k >= NETWORK ? k - NETWORK : k;
    if (at + 4 > frame.network.length) return undefined;
    return new DataView(frame.network.buffer, frame.network.byteOffset).getUint32(at);
  };
  let a = 0, x = 0;
  for (let pc = 0; pc < program.length / 8; pc++) {
    const k = code.getUint32(pc * 8 + 4, true);
    switch (code.getUint16(pc * 8, true)) {
      case 0x20: { // ld [k]
        const value = load(k);
        if (value === undefined) return 0;
        a = value;
        break;
      }
      case 0x24: // mul #k
        a = Number(BigInt(a) * BigInt(k) & 0xffffffffn);
        break;
      case 0x94: // mod #k
        if (k === 0) throw new Error(`Instruction ${pc} divides by 0`);
        a = a % k;
        break;
      case 0x74: // rsh #k
        a = a >>> k;
        break;
      case 0xac: // xor x
        a = (a ^ x) >>> 0;
        break;
      case 0x07: // tax
        x = a;
        break;
      case 0x05: // ja k
        pc += k;
        break;
      case 0x15: // jeq #k, jt, jf
        pc += code.getUint8(pc * 8 + (a === k ? 2 : 3));
        break;
      case 0x06: // ret #k
        return k;
      default:
        throw new Error(`Instruction ${pc} is not known`);
    }
  }
  throw new Error("The program has no end");
}
