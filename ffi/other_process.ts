import { rawSyscall } from "./raw_syscall.ts";
import { OwnedFd } from "./descriptor.ts";
export function isSameFile(p1: number, f1: number, p2: number, f2: number): boolean {
  return rawSyscall("kcmp", p1, p2, 0, f1, f2) === 0;
}
export function isSameDescriptorTable(t1: number, t2: number): boolean {
  return t1 === t2 || rawSyscall("kcmp", t1, t2, 2, 0, 0) === 0;
}
export function copyDescriptor(pid: number, fd: number): OwnedFd {
  using p = new OwnedFd(rawSyscall("pidfd_open", pid, 0));
  return new OwnedFd(rawSyscall("pidfd_getfd", p.fd, fd, 0));
}
export const IORING_ENTER_REGISTERED_RING = 16;
