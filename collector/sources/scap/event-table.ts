/**
 * The kinds of events in a capture: number, call and parameters in their order. Even numbers are calls that begin, odd
 * ones calls that return. A call has several numbers where its parameters changed; since format version 1.2 parameters
 * are only added at the end, so a line is right for every shorter event of its number too. Events of Falco's own (drops,
 * switches of threads) are left out and skipped. `generic` is some call of which only the number is known.
 *
 * `-` is a parameter that nobody reads.
 */

const EXEC_BEGIN = 'res exe args tid pid ptid cwd fdlimit pgft_maj pgft_min vm_size vm_rss vm_swap'
const EXEC_16 = `${EXEC_BEGIN} comm cgroups env`
const EXEC_19 = `${EXEC_16} tty vpgid loginuid exeflags cap_inheritable cap_permitted cap_effective exe_ino exe_ctime exe_mtime uid exepath pgid gid`
const CLONE_20 = `${EXEC_BEGIN} comm cgroups flags uid gid vtid vpid -`

const TABLE = `
0 generic ID nativeID
1 generic ID nativeID
2 open name flags mode
3 open fd name flags mode dev ino
4 close fd
5 close res fd
6 read fd size
7 read res data fd size
8 write fd size
9 write res data fd size
10 brk size
11 brk res
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
36 shutdown fd how
37 shutdown res fd how
38 getsockname
39 getsockname
40 getpeername
41 getpeername
42 socketpair domain type proto
43 socketpair res fd1 fd2 - - domain type proto
44 setsockopt
45 setsockopt res fd level optname - optlen
46 getsockopt
47 getsockopt res fd level optname - optlen
48 sendmsg fd size tuple
49 sendmsg res data fd size tuple
50 sendmmsg
51 sendmmsg res fd size data tuple
52 recvmsg fd
53 recvmsg res size data tuple - fd
54 recvmmsg
55 recvmmsg res fd size data tuple -
56 accept4 flags
57 accept4 fd tuple -
58 creat name mode
59 creat fd name mode dev ino -
60 pipe
61 pipe res fd1 fd2 ino
62 eventfd initval
63 eventfd res initval
64 futex addr op val
65 futex res addr op val
66 stat
67 stat res path
68 lstat
69 lstat res path
70 fstat fd
71 fstat res fd
72 stat64
73 stat64 res path
74 lstat64
75 lstat64 res path
76 fstat64 fd
77 fstat64 res
78 epoll_wait maxevents
79 epoll_wait res maxevents
80 poll - timeout
81 poll res - timeout
82 select
83 select res
84 _newselect
85 _newselect res
86 lseek fd offset whence
87 lseek res fd offset whence
88 llseek fd offset whence
89 llseek res fd offset whence
90 ioctl fd request
91 ioctl res
92 getcwd
93 getcwd res path
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
112 pread fd size pos
113 pread res data fd size pos
114 pwrite fd size pos
115 pwrite res data fd size pos
116 readv fd
117 readv res size data fd
118 writev fd size
119 writev res data fd size
120 preadv fd pos
121 preadv res size data fd pos
122 pwritev fd size pos
123 pwritev res data fd size pos
124 dup oldfd
125 dup res
126 signalfd fd
127 signalfd res fd
128 kill pid sig
129 kill res pid sig
130 tkill tid sig
131 tkill res tid sig
132 tgkill pid tid sig
133 tgkill res pid tid sig
134 nanosleep
135 nanosleep res
136 timerfd_create clockid
137 timerfd_create res clockid
138 inotify_init
139 inotify_init res
140 getrlimit resource
141 getrlimit res - - resource
142 setrlimit resource
143 setrlimit res - - resource
144 prlimit pid resource
145 prlimit res - - - - pid resource
150 fcntl fd cmd
151 fcntl res fd cmd arg
154 execve
155 execve ${EXEC_BEGIN}
156 clone
157 clone ${EXEC_BEGIN} flags uid gid
158 brk addr
159 brk res - - - addr
160 mmap addr length prot flags fd offset
161 mmap res - - - addr length prot flags fd offset
162 mmap2 addr length prot flags fd offset
163 mmap2 res - - - addr length prot flags fd offset
164 munmap addr length
165 munmap res - - - addr length
166 splice fd_in fd_out size flags
167 splice res fd_in fd_out size flags
168 ptrace request pid
169 ptrace res addr data request pid
170 ioctl fd request argument
171 ioctl res fd request argument
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
188 sendfile out_fd in_fd - size
189 sendfile res - out_fd in_fd size
190 quotactl - - id
191 quotactl res special - - - - - - - - - - - - - - id
192 setresuid ruid euid suid
193 setresuid res ruid euid suid
194 setresgid rgid egid sgid
195 setresgid res rgid egid sgid
198 setuid uid
199 setuid res uid
200 setgid gid
201 setgid res gid
202 getuid
203 getuid id
204 geteuid
205 geteuid id
206 getgid
207 getgid id
208 getegid
209 getegid id
210 getresuid
211 getresuid res
212 getresgid
213 getresgid res
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
236 getdents fd
237 getdents res fd
238 getdents64 fd
239 getdents64 res fd
240 setns fd nstype
241 setns res fd nstype
242 flock fd operation
243 flock res fd operation
246 accept
247 accept fd tuple - - -
248 accept4 flags
249 accept4 fd tuple - - -
250 semop semid
251 semop res nsops - - - - - - semid
252 semctl semid semnum - val
253 semctl res semid semnum - val
254 ppoll
255 ppoll res
256 mount flags
257 mount res dev dir - flags
258 umount flags
259 umount res name
262 semget key nsems
263 semget res key nsems
264 access mode
265 access res name mode
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
298 seccomp op flags
299 seccomp res op flags
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
328 mprotect addr length prot
329 mprotect res addr length prot
330 execveat dirfd filename atflags
331 execveat ${EXEC_19}
332 copy_file_range fdin - len
333 copy_file_range res fdout - fdin - len
334 clone3
335 clone3 ${CLONE_20}
336 open_by_handle_at
337 open_by_handle_at fd - flags name dev ino
338 io_uring_setup
339 io_uring_setup res entries
340 io_uring_enter
341 io_uring_enter res fd to_submit min_complete flags
342 io_uring_register
343 io_uring_register res fd opcode arg nr_args
344 mlock
345 mlock res addr len
346 munlock
347 munlock res addr len
348 mlockall
349 mlockall res flags
350 munlockall
351 munlockall res
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
370 mlock2
371 mlock2 res addr len flags
372 fsconfig
373 fsconfig res fd cmd key - value aux
374 epoll_create
375 epoll_create res size
376 epoll_create1
377 epoll_create1 res flags
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
395 inotify_init1 res flags
396 eventfd2
397 eventfd2 res flags initval
398 signalfd4
399 signalfd4 res flags fd -
400 prctl
401 prctl res option text value
402 async plugin name data
404 memfd_create
405 memfd_create fd name flags
406 pidfd_getfd
407 pidfd_getfd fd pid_fd target_fd flags
408 pidfd_open
409 pidfd_open fd pid flags
410 init_module
411 init_module res - length uargs
412 finit_module
413 finit_module res fd uargs flags
414 mknod
415 mknod res path mode dev
416 mknodat
417 mknodat res dirfd path mode dev
418 newfstatat
419 newfstatat res dirfd path flags
420 process_vm_readv
421 process_vm_readv res pid -
422 process_vm_writev
423 process_vm_writev res pid -
424 delete_module
425 delete_module res name flags
426 setreuid
427 setreuid res ruid euid
428 setregid
429 setregid res rgid egid
430 close_range
431 close_range res first last
432 keyctl
433 keyctl res operation
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
