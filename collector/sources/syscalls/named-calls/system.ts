/** Calls about who a process is, what it may use, and the machine as a whole. Columns as in `parse.ts`: name, x86-64, ia32, arm64, places. */
export const NAMED_ON_SYSTEM = `
getuid 102 199+24 174
geteuid 107 201+49 175
getgid 104 200+47 176
getegid 108 202+50 177
getresuid 118 209+165 148
getresgid 120 211+171 150
getgroups 115 205+80 158
setgroups 116 206+81 159
capget 125 184 90
getpid 39 20 172
getppid 110 64 173
gettid 186 224 178
getpgid 121 132 155
getpgrp 111 65 -
getsid 124 147 156
kexec_load 246 283 104 flags=4
kexec_file_load 320 - 294 fd=1 text=4 flags=5
reboot 169 88 142
syslog 103 103 116
uname 63 122 160
olduname - 109 -
oldolduname - 59 -
sysinfo 99 116 179
sysfs 139 135 -
_sysctl 156 149 -
ustat 136 62 -
sync 162 36 81
sethostname 170 74 161
setdomainname 171 121 162
ioperm 173 101 -
iopl 172 110 -
vhangup 153 111 58
lookup_dcookie 212 253 18
nfsservctl 180 169 42
bdflush - 134 -
idle - 112 -
create_module 174 127 -
query_module 178 167 -
get_kernel_syms 177 130 -
getpmsg 181 188 -
add_key 248 286 217 text=1 text2=2
request_key 249 287 218 text=1 text2=2
statmount 457 457 457
listmount 458 458 458
listns 470 470 470
arch_prctl 158 384 -
personality 135 136 92
seccomp 317 354 277 flags=2
getrlimit 97 191+76 163
setrlimit 160 75 164
prlimit 302 340 261
getrusage 98 77 165
getpriority 140 96 141
setpriority 141 97 140
nice - 34 -
umask 95 60 166
sched_setscheduler 144 156 119
sched_getscheduler 145 157 120
sched_setparam 142 154 118
sched_getparam 143 155 121
sched_setattr 314 351 274
sched_getattr 315 352 275
sched_setaffinity 203 241 122
sched_getaffinity 204 242 123
sched_yield 24 158 124
sched_get_priority_max 146 159 125
sched_get_priority_min 147 160 126
sched_rr_get_interval 148 161+423 127
ioprio_get 252 290 31
ioprio_set 251 289 30
set_tid_address 218 258 96
set_thread_area 205 243 -
get_thread_area 211 244 -
modify_ldt 154 123 -
vm86 - 166 -
rseq 334 386 293
rseq_slice_yield 471 471 471
getcpu 309 318 168
getrandom 318 355 278 flags=3
kcmp 312 349 272
io_setup 206 245 0
io_destroy 207 246 1
io_submit 209 248 2
io_cancel 210 249 3
restart_syscall 219 0 128
lsm_get_self_attr 459 459 459
lsm_set_self_attr 460 460 460
lsm_list_modules 461 461 461
`
