/**
 * The name of a terminal's device number, as `ps` prints it: `pts/0`, `tty1`, `ttyS0`. Numbers are the kernel's
 * (Documentation/admin-guide/devices.txt); the layout is that of `new_encode_dev`: bits 8-19 the major, the rest the minor.
 */

const PTY_MAJORS = { first: 136, last: 143 }
const PTYS_PER_MAJOR = 256

/** `device` is not 0. One that has no common name is `char MAJOR:MINOR`. */
export function terminalName(device: number): string {
  const major = (device >>> 8) & 0xfff
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00)
  if (major >= PTY_MAJORS.first && major <= PTY_MAJORS.last)
    return `pts/${(major - PTY_MAJORS.first) * PTYS_PER_MAJOR + minor}`
  if (major === 4) return minor < 64 ? `tty${minor}` : `ttyS${minor - 64}`
  if (major === 5 && minor === 1) return 'console'
  if (major === 229) return `hvc${minor}`
  return `char ${major}:${minor}`
}
