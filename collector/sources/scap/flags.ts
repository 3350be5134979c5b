/** Flag words of captures, which number flags in their own way, as the kernel defines them. */
type Bits = readonly (readonly [captured: number, kernel: number])[]

const OPEN: Bits = [
  [1 << 2, 0o100],
  [1 << 3, 0o2000],
  [1 << 4, 0o10000],
  [1 << 5, 0o200],
  [1 << 6, 0o4000],
  [1 << 7, 0o4010000],
  [1 << 8, 0o1000],
  [1 << 9, 0o40000],
  [1 << 10, 0o200000],
  [1 << 11, 0o100000],
  [1 << 12, 0o2000000],
  [1 << 13, 0o20200000],
]
const READS = 1
const WRITES = 2

/** In captured order: files, fs, io, newipc, newnet, newns, newpid, newuts, parent, parent_settid, ptrace, sighand, … */
const CLONE: Bits = [
  [1 << 0, 0x400],
  [1 << 1, 0x200],
  [1 << 2, 0x80000000],
  [1 << 3, 0x8000000],
  [1 << 4, 0x40000000],
  [1 << 5, 0x20000],
  [1 << 6, 0x20000000],
  [1 << 7, 0x4000000],
  [1 << 8, 0x8000],
  [1 << 9, 0x100000],
  [1 << 10, 0x2000],
  [1 << 11, 0x800],
  [1 << 12, 0x40000],
  [1 << 13, 0x10000],
  [1 << 14, 0x800000],
  [1 << 15, 0x100],
  [1 << 20, 0x10000000],
  [1 << 23, 0x200000],
  [1 << 24, 0x1000000],
  [1 << 25, 0x80000],
  [1 << 27, 0x4000],
  [1 << 28, 0x2000000],
]
const EXECVEAT: Bits = [
  [1, 0x1000],
  [2, 0x100],
]

/** ptrace requests in captured order, from 0. */
const PTRACE = [
  undefined,
  0,
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  8,
  9,
  16,
  17,
  24,
  0x4200,
  0x4201,
  0x4202,
  0x4203,
  0x4204,
  0x4205,
  0x4206,
  0x4207,
  0x4208,
  0x4209,
  0x420a,
  0x420b,
  12,
  13,
  14,
  15,
]

function translated(bits: Bits, captured: number): number {
  let word = 0
  for (const [from, to] of bits) if ((captured & from) !== 0) word |= to
  return word >>> 0
}

export function openFlagsOf(captured: number): number {
  const access = (captured & WRITES) === 0 ? 0 : (captured & READS) === 0 ? 1 : 2
  return (translated(OPEN, captured) | access) >>> 0
}

export function cloneFlagsOf(captured: number): number {
  return translated(CLONE, captured)
}

export function execveatFlagsOf(captured: number): number {
  return translated(EXECVEAT, captured)
}

/** Undefined for requests without a number here. */
export function ptraceRequestOf(captured: number): number | undefined {
  return PTRACE[captured]
}

const MAPPING: Bits = [
  [1 << 0, 0x1],
  [1 << 1, 0x2],
  [1 << 2, 0x10],
  [1 << 3, 0x20],
  [1 << 4, 0x40],
  [1 << 6, 0x4000],
  [1 << 7, 0x8000],
  [1 << 8, 0x10000],
  [1 << 9, 0x100],
  [1 << 10, 0x800],
  [1 << 11, 0x1000],
  [1 << 14, 0x2000],
]
const PROTECTION: Bits = [
  [1 << 0, 1],
  [1 << 1, 2],
  [1 << 2, 4],
  [1 << 3, 8],
  [1 << 4, 0x1000000],
  [1 << 5, 0x2000000],
]
/** Captured command → the kernel's. */
const FCNTL = new Map([
  [1, 0],
  [2, 1],
  [3, 2],
  [4, 3],
  [5, 4],
  [6, 5],
  [8, 6],
  [9, 7],
  [10, 8],
  [12, 9],
  [13, 10],
  [15, 11],
  [21, 15],
  [22, 16],
  [23, 1024],
  [24, 1025],
  [25, 1029],
  [26, 1030],
  [27, 1026],
  [28, 1031],
  [29, 1032],
  [30, 36],
  [31, 37],
  [32, 38],
])
const SOCKET_LEVELS = new Map([
  [1, 1],
  [2, 6],
])

/** What captures number in another way than the kernel; undefined for what has no number here. */
export const NUMBERED_OTHERWISE = {
  fcntl: (captured: number) => FCNTL.get(captured),
  ioUring: (captured: number) => (captured === 0 ? undefined : captured - 1),
  level: (captured: number) => SOCKET_LEVELS.get(captured),
  map: (captured: number) => translated(MAPPING, captured),
  option: (captured: number) => (captured === 0 || captured > 50 ? undefined : captured),
  protection: (captured: number) => translated(PROTECTION, captured),
} as const satisfies Record<string, (captured: number) => number | undefined>

export type NumberedOtherwise = keyof typeof NUMBERED_OTHERWISE
