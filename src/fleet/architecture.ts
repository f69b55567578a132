// Processors, as Debian, the kernel and Ansible call them. Names that nobody knows count as able to do anything.
const narrow =
  /^(arm|armel|armhf|armv[5-7]\w*|i[3-6]86|x86|ia32|mips|mipsel|powerpc|riscv32|m68k|sh4|hppa|armv8l)$/i

/** Whether programs of 64 bits can't run there: `armhf`, `armv7l`, `i386`, …; `armv8l` is a 32-bit system on a 64-bit processor. */
export function is32Bit(architecture: string): boolean {
  return narrow.test(architecture.trim())
}
