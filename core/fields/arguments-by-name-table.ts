/** The tables that `arguments-by-name.ts` reads; see there what a line says. */

/** Calls of which Falco names the parameters. */
export const OWN_ARGUMENTS = `
read res -data fd size
write res -data fd size
pread res -data fd size pos=arg3
pwrite res -data fd size pos=arg3
readv res size -data fd
writev res -data fd size
preadv res size -data fd pos=arg3
pwritev res -data fd size pos=arg3
close res fd
close_range res first=arg0 last=arg1 flags=flags:closeRange
copy_file_range res fdout=arg2:int -offout fdin=fd -offin len=size
fcntl res fd cmd=arg1:fcntl arg=arg2
flock res fd operation=arg1:lock
fsconfig res fd cmd=arg1:fsconfig key=text0 -value_bytebuf value_charbuf=text1 aux=arg4:int
fstat res fd
fstat64 res
getdents res fd
getdents64 res fd
ioctl res fd request=arg1:hex argument=arg2:hex
io_uring_register res fd opcode=arg1:ioUring arg=arg2:hex nr_args=arg3
lseek res fd offset=arg1 whence=arg2:seek
llseek res fd -offset whence=arg4:seek
pidfd_getfd fd pid_fd=arg0:int target_fd=arg1:int flags=flags
sendfile res -offset out_fd=fd in_fd=arg1:int size
splice res fd_in=fd fd_out=arg2:int size flags=flags:splice
shutdown res fd how=arg1:shutdown
getsockname
getpeername
getsockopt res fd level=arg1:level optname=arg2:option -val -optlen
setsockopt res fd level=arg1:level optname=arg2:option -val optlen=arg4
sendmmsg res fd -size -data tuple
recvmmsg res fd -size -data tuple -msgcontrol
socketpair res -fd1 -fd2 -source -peer domain=arg0:family type=arg1 proto=arg2
access res name=path mode=mode:access
stat res path
stat64 res path
lstat res path
lstat64 res path
newfstatat res dirfd path flags=flags:at
getcwd res path
quotactl res special=rawPath -quotafilepath -dqb_bhardlimit -dqb_bsoftlimit -dqb_curspace -dqb_ihardlimit -dqb_isoftlimit -dqb_btime -dqb_itime -dqi_bgrace -dqi_igrace -dqi_flags -quota_fmt_out -cmd -type id=arg2 -quota_fmt
eventfd res initval=arg0 -flags
eventfd2 res flags=flags:open initval=arg0
epoll_create res size=arg0
epoll_create1 res flags=flags:epoll
signalfd res fd=arg0:int -mask -flags
signalfd4 res flags=flags:open fd=arg0:int -mask
timerfd_create res clockid=arg0 flags=flags
inotify_init res -flags
inotify_init1 res flags=flags:open
pidfd_open fd pid=arg0:int flags=flags:pidfd
pipe res -fd1 -fd2 -ino
pipe2 res -fd1 -fd2 -ino flags=flags:open
brk res=ret:hex -vm_size -vm_rss -vm_swap addr=arg0:hex
mmap res -vm_size -vm_rss -vm_swap addr=arg0:hex length=arg1 prot=arg2:protection flags=flags:map fd offset=arg5
mmap2 res -vm_size -vm_rss -vm_swap addr=arg0:hex length=arg1 prot=arg2:protection flags=flags:map fd pgoffset=arg5
munmap res -vm_size -vm_rss -vm_swap addr=arg0:hex length=arg1
mprotect res addr=arg0:hex length=arg1 prot=arg2:protection
mlock res addr=arg0:hex len=arg1
mlock2 res addr=arg0:hex len=arg1 flags=flags:lockTwo
mlockall res flags=flags:lockAll
munlock res addr=arg0:hex len=arg1
munlockall res
process_vm_readv res pid=arg0:int -data
process_vm_writev res pid=arg0:int -data
poll res -fds timeout=arg2:int
ppoll res -fds -timeout -sigmask
select res
epoll_wait res maxevents=arg2:int
nanosleep res -interval
futex res addr=arg0:hex op=arg1:futex val=arg2
semget res key=arg0:int nsems=arg1 semflg=arg2:ipc
semctl res semid=arg0:int semnum=arg1 cmd=arg2:semaphore val=arg3
semop res nsops=arg2 -sem_num_0 -sem_op_0 -sem_flg_0 -sem_num_1 -sem_op_1 -sem_flg_1 semid=arg0:int
getuid uid=ret:user
geteuid euid=ret:user
getgid gid=ret
getegid egid=ret
getresuid res -ruid -euid -suid
getresgid res -rgid -egid -sgid
getrlimit res -cur -max resource=arg0:limit
setrlimit res -cur -max resource=arg0:limit
prlimit res -newcur -newmax -oldcur -oldmax pid=arg0:int resource=arg1:limit
seccomp res op=arg0 flags=flags
`

/** Of calls that have no parameters in Falco: what follows the result. */
export const PLAIN_ARGUMENTS = `
preadv2 fd size pos=arg3 flags=flags
pwritev2 fd size pos=arg3 flags=flags
ftruncate fd length=arg1
fallocate fd mode=arg1 offset=arg2 length=arg3
fadvise64 fd offset=arg1 length=arg2 advice=arg3
fgetxattr fd name=text1 size
fsetxattr fd name=text1 size flags=flags
fremovexattr fd name=text1
fsmount fd flags=flags
epoll_ctl fd op=arg1 target_fd=arg2:int
tee fd_in=fd fd_out=arg1:int size flags=flags:splice
vmsplice fd nr_segs=arg2 flags=flags:splice
pidfd_send_signal fd sig=arg1:signal flags=flags
process_madvise fd advice=arg3 flags=flags
process_mrelease fd flags=flags
landlock_add_rule fd rule_type=arg1 flags=flags
landlock_restrict_self fd flags=flags
faccessat dirfd path mode=mode:access
faccessat2 dirfd path mode=mode:access flags=flags:at
fstatat64 dirfd path flags=flags:at
statx dirfd path flags=flags:at mask=arg3:hex
readlinkat dirfd path size
setxattr path name=text1 size flags=flags
lsetxattr path name=text1 size flags=flags
getxattr path name=text1 size
lgetxattr path name=text1 size
removexattr path name=text1
lremovexattr path name=text1
setxattrat dirfd path flags=flags:at name=text1
getxattrat dirfd path flags=flags:at name=text1
listxattrat dirfd path flags=flags:at
removexattrat dirfd path flags=flags:at name=text1
file_getattr dirfd path flags=flags:at
file_setattr dirfd path flags=flags:at
utimensat dirfd path flags=flags:at
futimesat dirfd path
inotify_add_watch fd=arg0:int path mask=flags:hex
fanotify_mark fd=arg0:int flags=flags:hex mask=arg2:hex dirfd path
name_to_handle_at dirfd path flags=flags:at
move_mount from_dirfd=dirFd from_path=path to_dirfd=dirFd2 to_path=path2 flags=flags:hex
open_tree dirfd path flags=flags:hex
open_tree_attr dirfd path flags=flags:hex
fspick dirfd path flags=flags:hex
mount_setattr dirfd path flags=flags:hex
swapon path flags=flags:hex
perf_event_open fd pid=arg1:int cpu=arg2:int group_fd=arg3:int flags=flags:hex
fanotify_init fd flags=arg0:hex event_f_flags=arg1:open
memfd_secret fd flags=flags
fsopen fd fsname=text0 flags=flags
landlock_create_ruleset fd size=arg1 flags=flags
mq_open fd name=text0 flags=flags:open mode=arg2
madvise addr=arg0:hex length=arg1 advice=arg2
mremap addr=arg0:hex old_length=arg1 length=arg2 flags=flags new_addr=arg4:hex
msync addr=arg0:hex length=arg1 flags=flags
pkey_mprotect addr=arg0:hex length=arg1 prot=arg2:protection pkey=arg3
mincore addr=arg0:hex length=arg1
mseal addr=arg0:hex length=arg1
map_shadow_stack addr=arg0:hex size=arg1
clock_nanosleep clockid=arg0 flags=flags
wait4 pid=arg0:int options=arg2
waitpid pid=arg0:int options=arg2
waitid idtype=arg0 pid=arg1:int options=arg3
rt_sigaction sig=arg0:signal
rt_sigqueueinfo pid=arg0:int sig=arg1:signal
rt_tgsigqueueinfo pid=arg0:int tid=arg1:int sig=arg2:signal
sigaction sig=arg0:signal
signal sig=arg0:signal
alarm seconds=arg0
shmget key=arg0:int size=arg1 shmflg=arg2:ipc
shmat shmid=arg0:int addr=arg1:hex shmflg=arg2
shmctl shmid=arg0:int cmd=arg1
msgget key=arg0:int msgflg=arg1:ipc
msgsnd msqid=arg0:int size=arg2
msgrcv msqid=arg0:int size=arg2
msgctl msqid=arg0:int cmd=arg1
mq_unlink name=text0
setgroups size=arg0
getpgid pid=arg0:int
getsid pid=arg0:int
kexec_load entry=arg0:hex nr_segments=arg1 flags=flags:hex
kexec_file_load fd initrd_fd=arg1:int cmdline=text0 flags=flags:hex
reboot magic=arg0:hex magic2=arg1:hex cmd=arg2:hex
syslog type=arg0 length=arg2
ioperm from=arg0 num=arg1 turn_on=arg2
iopl level=arg0:int
add_key type=text0 description=text1
request_key type=text0 description=text1
arch_prctl code=arg0:hex addr=arg1:hex
personality persona=arg0:hex
setpriority which=arg0 who=arg1:int prio=arg2:int
getpriority which=arg0 who=arg1:int
nice inc=arg0:int
umask mask=arg0
sched_setscheduler pid=arg0:int policy=arg1
sched_setparam pid=arg0:int
sched_setattr pid=arg0:int
sched_setaffinity pid=arg0:int
getrandom length=arg1 flags=flags
kcmp pid1=arg0:int pid2=arg1:int type=arg2
io_setup nr_events=arg0
`
