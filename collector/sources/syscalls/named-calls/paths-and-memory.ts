/** Calls on paths that make no descriptor, and those that arrange memory. Columns as in `parse.ts`: name, x86-64, ia32, arm64, places. */
export const NAMED_ON_PATHS_AND_MEMORY = `
access 21 33 - path=1 mode=2
faccessat 269 307 48 dir=1 path=2 mode=3
faccessat2 439 439 439 dir=1 path=2 mode=3 flags=4
stat 4 106 - path=1
stat64 - 195 - path=1
oldstat - 18 - path=1
lstat 6 107 - path=1
lstat64 - 196 - path=1
oldlstat - 84 - path=1
newfstatat 262 - 79 dir=1 path=2 flags=4
fstatat64 - 300 - dir=1 path=2 flags=4
statx 332 383 291 dir=1 path=2 flags=3
statfs 137 99 43 path=1
statfs64 - 268 - path=1
readlink 89 85 - path=1 size=3
readlinkat 267 305 78 dir=1 path=2 size=4
getcwd 79 183 17 path=1 size=2
setxattr 188 226 5 path=1 text2=2 size=4 flags=5
lsetxattr 189 227 6 path=1 text2=2 size=4 flags=5
getxattr 191 229 8 path=1 text2=2 size=4
lgetxattr 192 230 9 path=1 text2=2 size=4
listxattr 194 232 11 path=1 size=3
llistxattr 195 233 12 path=1 size=3
removexattr 197 235 14 path=1 text2=2
lremovexattr 198 236 15 path=1 text2=2
setxattrat 463 463 463 dir=1 path=2 flags=3 text2=4
getxattrat 464 464 464 dir=1 path=2 flags=3 text2=4
listxattrat 465 465 465 dir=1 path=2 flags=3 size=5
removexattrat 466 466 466 dir=1 path=2 flags=3 text2=4
file_getattr 468 468 468 dir=1 path=2 flags=5
file_setattr 469 469 469 dir=1 path=2 flags=5
utime 132 30 - path=1
utimes 235 271 - path=1
utimensat 280 320+412 88 dir=1 path=2 flags=4
futimesat 261 299 - dir=1 path=2
inotify_add_watch 254 292 27 number=1 path=2 flags=3
fanotify_mark 301 339 263 number=1 flags=2 dir=4 path=5
name_to_handle_at 303 341 264 dir=1 path=2 flags=5
move_mount 429 429 429 dir=1 path=2 dir2=3 path2=4 flags=5
open_tree 428 428 428 dir=1 path=2 flags=3
open_tree_attr 467 467 467 dir=1 path=2 flags=3
fspick 433 433 433 dir=1 path=2 flags=3
mount_setattr 442 442 442 dir=1 path=2 flags=3
swapon 167 87 224 path=1 flags=2
swapoff 168 115 225 path=1
acct 163 51 89 path=1
uselib 134 86 - path=1
quotactl 179 131 60 path=2
brk 12 45 214
mmap 9 90 222 fd=5 flags=4
mmap2 - 192 - fd=5 flags=4
munmap 11 91 215
mprotect 10 125 226
pkey_mprotect 329 380 288
pkey_alloc 330 381 289
pkey_free 331 382 290
mremap 25 163 216 flags=4
remap_file_pages 216 257 234
madvise 28 219 233
mincore 27 218 232
mlock 149 150 228
mlock2 325 376 284 flags=3
mlockall 151 152 230 flags=1
munlock 150 151 229
munlockall 152 153 231
msync 26 144 227 flags=3
mbind 237 274 235
get_mempolicy 239 275 236
set_mempolicy 238 276 237
set_mempolicy_home_node 450 450 450
migrate_pages 256 294 238
move_pages 279 317 239
map_shadow_stack 453 453 453
mseal 462 462 462
process_vm_readv 310 347 270
process_vm_writev 311 348 271
membarrier 324 375 283
`
