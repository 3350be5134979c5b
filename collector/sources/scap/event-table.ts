/**
 * The kinds of events in a capture: number, call and parameters in their order. Even numbers are calls that begin, odd
 * ones calls that return. A call has several numbers where its parameters changed; since format version 1.2 parameters
 * are only added at the end, so a line is right for every shorter event of its number too. Kinds that say nothing to
 * Seamark (memory, waiting, timers) are left out and skipped.
 *
 * `-` is a parameter that nobody reads.
 */

const EXEC_BEGIN = 'res exe args tid pid ptid cwd fdlimit pgft_maj pgft_min vm_size vm_rss vm_swap'
const EXEC_16 = `${EXEC_BEGIN} comm cgroups env`
const EXEC_19 = `${EXEC_16} tty vpgid loginuid exeflags cap_inheritable cap_permitted cap_effective exe_ino exe_ctime exe_mtime uid exepath pgid gid`
const CLONE_20 = `${EXEC_BEGIN} comm cgroups flags uid gid vtid vpid -`

const TABLE = `
2 open name flags mode
3 open fd name flags mode dev ino
4 close fd
5 close res fd
12 execve
13 execve res exe args tid pid ptid cwd -
14 clone
15 clone res exe args tid pid ptid cwd - flags uid gid
16 procexit
18 socket domain type proto
19 socket fd domain type proto -
20 bind fd
21 bind res addr fd
22 connect fd addr
23 connect res tuple fd addr
24 listen fd backlog
25 listen res fd backlog
26 accept
27 accept fd tuple -
30 sendto fd size tuple
31 sendto res data fd size tuple
34 recvfrom fd size
35 recvfrom res data tuple fd size
42 socketpair domain type proto
43 socketpair res fd1 fd2 - - domain type proto
48 sendmsg fd size tuple
49 sendmsg res data fd size tuple
52 recvmsg fd
53 recvmsg res size data tuple - fd
56 accept4 flags
57 accept4 fd tuple -
58 creat name mode
59 creat fd name mode dev ino -
60 pipe
61 pipe res fd1 fd2 ino
62 eventfd
63 eventfd res
94 chdir
95 chdir res path
96 fchdir fd
97 fchdir res fd
98 mkdir path mode
99 mkdir res
100 rmdir path
101 rmdir res
102 openat dirfd name flags mode
103 openat fd
104 link oldpath newpath
105 link res
106 linkat olddir oldpath newdir newpath
107 linkat res
108 unlink path
109 unlink res
110 unlinkat dirfd name
111 unlinkat res
124 dup oldfd
125 dup res
126 signalfd
127 signalfd res
128 kill pid sig
129 kill res pid sig
130 tkill tid sig
131 tkill res tid sig
132 tgkill pid tid sig
133 tgkill res pid tid sig
136 timerfd_create
137 timerfd_create res
138 inotify_init
139 inotify_init res
150 fcntl fd cmd
151 fcntl res fd cmd
154 execve
155 execve ${EXEC_BEGIN}
156 clone
157 clone ${EXEC_BEGIN} flags uid gid
168 ptrace request pid
169 ptrace res addr data request pid
172 execve
173 execve ${EXEC_BEGIN} env
174 rename
175 rename res oldpath newpath
176 renameat
177 renameat res olddirfd oldpath newdirfd newpath
178 symlink
179 symlink res target linkpath
180 symlinkat
181 symlinkat res target linkdirfd linkpath
182 fork
183 fork ${EXEC_BEGIN} flags uid gid
184 vfork
185 vfork ${EXEC_BEGIN} flags uid gid
186 procexit status ret sig - reaper
192 setresuid ruid euid suid
193 setresuid res ruid euid suid
194 setresgid rgid egid sgid
195 setresgid res rgid egid sgid
198 setuid uid
199 setuid res uid
200 setgid gid
201 setgid res gid
214 execve
215 execve ${EXEC_BEGIN} comm env
216 clone
217 clone ${EXEC_BEGIN} comm flags uid gid
218 fork
219 fork ${EXEC_BEGIN} comm flags uid gid
220 vfork
221 vfork ${EXEC_BEGIN} comm flags uid gid
222 clone
223 clone ${CLONE_20}
224 fork
225 fork ${CLONE_20}
226 vfork
227 vfork ${CLONE_20}
228 container id type name image
230 execve
231 execve ${EXEC_16}
240 setns fd nstype
241 setns res fd nstype
246 accept
247 accept fd tuple - - -
248 accept4 flags
249 accept4 fd tuple - - -
256 mount flags
257 mount res dev dir - flags
258 umount flags
259 umount res name
266 chroot
267 chroot res path
272 container json
274 setsid
275 setsid res
276 mkdir mode
277 mkdir res path mode
278 rmdir
279 rmdir res path
282 execve
283 execve ${EXEC_16} tty
284 unshare flags
285 unshare res flags
288 execve filename
289 execve ${EXEC_16} tty
292 execve filename
293 execve ${EXEC_19} filename
294 setpgid pid pgid
295 setpgid res pid pgid
296 bpf cmd
297 bpf fd
300 unlink
301 unlink res path
302 unlinkat
303 unlinkat res dirfd name flags
304 mkdirat
305 mkdirat res dirfd path mode
306 openat dirfd name flags mode
307 openat fd dirfd name flags mode dev ino
308 link
309 link res oldpath newpath
310 linkat
311 linkat res olddir oldpath newdir newpath flags
312 fchmodat
313 fchmodat res dirfd filename mode
314 chmod
315 chmod res filename mode
316 fchmod
317 fchmod res fd mode
318 renameat2
319 renameat2 res olddirfd oldpath newdirfd newpath flags
320 userfaultfd
321 userfaultfd res flags
324 container json
326 openat2 dirfd name flags mode -
327 openat2 fd dirfd name flags mode - dev ino
330 execveat dirfd filename atflags
331 execveat ${EXEC_19}
334 clone3
335 clone3 ${CLONE_20}
336 open_by_handle_at
337 open_by_handle_at fd - flags name dev ino
338 io_uring_setup
339 io_uring_setup res entries
340 io_uring_enter
341 io_uring_enter res fd to_submit min_complete flags
352 capset
353 capset res cap_inheritable cap_permitted cap_effective
354 user_added uid gid name
356 user_deleted uid
358 group_added gid name
360 group_deleted gid
362 dup2 oldfd
363 dup2 res oldfd newfd
364 dup3 oldfd
365 dup3 res oldfd newfd flags
366 dup oldfd
367 dup res oldfd
368 bpf cmd
369 bpf fd cmd
374 epoll_create
375 epoll_create res
376 epoll_create1
377 epoll_create1 res
378 chown
379 chown res path uid gid
380 lchown
381 lchown res path uid gid
382 fchown
383 fchown res fd uid gid
384 fchownat
385 fchownat res dirfd pathname uid gid flags
386 umount
387 umount res name
388 accept4 flags
389 accept4 fd tuple - - - flags
390 umount2 flags
391 umount2 res name flags
392 pipe2
393 pipe2 res fd1 fd2 ino flags
394 inotify_init1
395 inotify_init1 res
396 eventfd2
397 eventfd2 res
398 signalfd4
399 signalfd4 res
400 prctl
401 prctl res option text value
402 async plugin name data
404 memfd_create
405 memfd_create fd name flags
406 pidfd_getfd
407 pidfd_getfd fd
408 pidfd_open
409 pidfd_open fd
410 init_module
411 init_module res - length uargs
412 finit_module
413 finit_module res fd uargs flags
414 mknod
415 mknod res path mode dev
416 mknodat
417 mknodat res dirfd path mode dev
424 delete_module
425 delete_module res name flags
`

export interface EventKind {
  call: string
  /** The call returned, or the event stands for itself (procexit, container). */
  isExit: boolean
  parameters: readonly string[]
}

/** Even numbers that no odd one follows. */
const ALONE: ReadonlySet<number> = new Set([16, 186, 228, 272, 324, 354, 356, 358, 360, 402])
/** Even numbers that say something of their own but nothing that is read: numbered all the same. */
const UNREAD_ALONE: ReadonlySet<number> = new Set([146, 148, 152, 196, 232, 234, 244, 260, 270, 280, 286, 290, 322])

/** By number. */
export const EVENT_KINDS: ReadonlyMap<number, EventKind> = new Map(
  TABLE.trim()
    .split('\n')
    .map((line) => {
      const [number, call, ...parameters] = line.split(' ')
      const code = Number(number)
      return [code, { call: call!, isExit: code % 2 === 1 || ALONE.has(code), parameters }] as const
    }),
)

/** Beginnings that Falco keeps as events beside the return: open, connect, creat, openat, openat2. */
const COUNTED_TWICE: ReadonlySet<number> = new Set([2, 22, 58, 306, 326])

/** Whether Falco's `evt.num` counts an event: of most calls the beginning and the return are one. */
export function isCounted(code: number): boolean {
  return code % 2 === 1 || ALONE.has(code) || UNREAD_ALONE.has(code) || COUNTED_TWICE.has(code)
}
