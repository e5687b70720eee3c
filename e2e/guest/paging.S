/*
 * A guest that turns paging on and waits: a 64 KiB ROM for QEMU's -bios. The page tables are loaded into its memory by QEMU; they map
 * the ROM's last 64 KiB below 1 MiB to themselves. CR0, CR3, CR4 and EFER are the caller's, so that one source is every paging mode.
 * It stays on the code segment of the reset vector, which is one of 16 bits in every mode.
 *
 *   as --defsym CR0=… --defsym CR3=… --defsym CR4=… --defsym EFER=… -o paging.o paging.S
 */
	.globl _start
	.code16
_start:
	cli
	movl %cr4, %eax
	orl $CR4, %eax
	movl %eax, %cr4
	movl $CR3, %eax
	movl %eax, %cr3
	.if EFER
	movl $0xc0000080, %ecx
	rdmsr
	orl $EFER, %eax
	wrmsr
	.endif
	movl %cr0, %eax
	orl $CR0, %eax
	movl %eax, %cr0
1:	hlt
	jmp 1b

	.org 0xfff0
	ljmp $0xf000, $0
	.org 0x10000
