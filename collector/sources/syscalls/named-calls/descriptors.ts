/** Calls on a descriptor, and those that make one of a kind without a path. Columns as in `parse.ts`: name, x86-64, ia32, arm64, places. */
export const NAMED_ON_DESCRIPTORS = `
read 0 3 63 fd=1 data=2 size=3 uring=22+4+49
pread 17 180 67 fd=1 data=2 size=3
readv 19 145 65 fd=1 parts=2 size=return uring=1+60
preadv 295 333 69 fd=1 parts=2 size=return
preadv2 327 378 286 fd=1 parts=2 size=return flags=6
write 1 4 64 fd=1 data=2 size=3 uring=23+5
pwrite 18 181 68 fd=1 data=2 size=3
writev 20 146 66 fd=1 parts=2 size=return uring=2+61
pwritev 296 334 70 fd=1 parts=2 size=return
pwritev2 328 379 287 fd=1 parts=2 size=return flags=6
close 3 6 57 number=1
close_range 436 436 436 flags=3
fcntl 72 55+221 25 fd=1
ioctl 16 54 29 fd=1
fstat 5 108 80 fd=1
fstat64 - 197 - fd=1
oldfstat - 28 - fd=1
lseek 8 19 62 fd=1
llseek - 140 - fd=1
getdents 78 141 - fd=1 size=3
getdents64 217 220 61 fd=1 size=3
readdir - 89 - fd=1
ftruncate 77 93+194 46 fd=1 size=2 uring=55
fsync 74 118 82 fd=1 uring=3
fdatasync 75 148 83 fd=1
fallocate 285 324 47 fd=1 mode=2 size=4 uring=17
fadvise64 221 250+272 223 fd=1 uring=24
flock 73 143 32 fd=1
readahead 187 225 213 fd=1 size=3
sync_file_range 277 314 84 fd=1 flags=4
syncfs 306 344 267 fd=1
fstatfs 138 100 44 fd=1
fstatfs64 - 269 - fd=1
fgetxattr 193 231 10 fd=1 text2=2 size=4
fsetxattr 190 228 7 fd=1 text2=2 size=4 flags=5
flistxattr 196 234 13 fd=1 size=3
fremovexattr 199 237 16 fd=1 text2=2
quotactl_fd 443 443 443 fd=1
inotify_rm_watch 255 293 28 fd=1
timerfd_settime 286 325+411 86 fd=1 flags=2
timerfd_gettime 287 326+410 87 fd=1
fsconfig 431 431 431 fd=1 text=3 text2=4
fsmount 432 432 432 fd=1 flags=2
io_uring_register 427 427 427 fd=1
pidfd_getfd 438 438 438 fd=return flags=3
pidfd_send_signal 424 424 424 fd=1 flags=4
cachestat 451 451 451 fd=1 flags=4
mq_timedsend 242 279+418 182 fd=1 size=3
mq_timedreceive 243 280+419 183 fd=1 size=3
mq_notify 244 281 184 fd=1
mq_getsetattr 245 282 185 fd=1
landlock_add_rule 445 445 445 fd=1 flags=4
landlock_restrict_self 446 446 446 fd=1 flags=2
process_madvise 440 440 440 fd=1 flags=5
process_mrelease 448 448 448 fd=1 flags=2
sendfile 40 187+239 71 fd=1 size=4
splice 275 313 76 fd=1 size=5 flags=6
tee 276 315 77 fd=1 size=3 flags=4
vmsplice 278 316 75 fd=1 flags=4
copy_file_range 326 377 285 fd=1 size=5 flags=6
epoll_ctl 233 255 21 fd=1
epoll_ctl_old 214 - - fd=1
shutdown 48 373 210 fd=1 uring=34
getsockname 51 367 204 fd=1
getpeername 52 368 205 fd=1
getsockopt 55 365 209 fd=1
setsockopt 54 366 208 fd=1
sendmmsg 307 345 269 fd=1 message=2 flags=4
recvmmsg 299 337+417 243 fd=1 message=2 flags=4
socketpair 53 360 199
eventfd 284 323 - fd=return
eventfd2 290 328 19 fd=return flags=2
epoll_create 213 254 - fd=return
epoll_create1 291 329 20 fd=return flags=1
signalfd 282 321 - fd=return
signalfd4 289 327 74 fd=return flags=4
timerfd_create 283 322 85 fd=return flags=2
inotify_init 253 291 - fd=return
inotify_init1 294 332 26 fd=return flags=1
pidfd_open 434 434 434 fd=return flags=2
perf_event_open 298 336 241 fd=return flags=5
fanotify_init 300 338 262 fd=return flags=1
memfd_secret 447 447 447 fd=return flags=1
fsopen 430 430 430 fd=return text=1 flags=2
landlock_create_ruleset 444 444 444 fd=return flags=3
mq_open 240 277 180 fd=return text=1 flags=2
pipe 22 42 -
pipe2 293 331 59 flags=2
`
