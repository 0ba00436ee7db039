/**
 * The attributes of a netlink message, read by a second, simple parser. Source: netlink(7).
 *
 * @module
 */

/** The attributes in some bytes, the last of each type. The first contradiction ends them. */
export function attributesIn(bytes: Uint8Array): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  for (let rest = bytes; rest.length >= 4;) {
    const length = rest[0] + rest[1] * 256;
    if (length < 4 || length > rest.length) break;
    found.set((rest[2] + rest[3] * 256) & 0x3fff, rest.slice(4, length));
    rest = rest.slice((length + 3) >> 2 << 2);
  }
  return found;
}
