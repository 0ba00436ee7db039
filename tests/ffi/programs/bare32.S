# A 32-bit program without libc: it prints "ready", reads a byte, and exits with 7.
.code32
.globl _start
_start:
    movl $4, %eax           # write(1, ready, 6)
    movl $1, %ebx
    movl $ready, %ecx
    movl $6, %edx
    int $0x80
    movl $3, %eax           # read(0, byte, 1)
    xorl %ebx, %ebx
    movl $byte, %ecx
    movl $1, %edx
    int $0x80
    movl $1, %eax           # exit(7)
    movl $7, %ebx
    int $0x80
.data
ready: .ascii "ready\n"
byte: .byte 0
