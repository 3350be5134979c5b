/*
 * The wall between kernel and addon: what a ring record looks like and what the two sides share in memory.
 * Included by the BPF programs (C) and by the addon (C++); recordings store these records as they are, so any change
 * of layout raises EVENT_VERSION.
 */
#ifndef SEAMARK_EVENT_H
#define SEAMARK_EVENT_H

#ifndef __bpf__
#include <stdint.h>
#ifndef SEAMARK_KERNEL_TYPES
#define SEAMARK_KERNEL_TYPES
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;
#endif
#endif

#define EVENT_VERSION 1

enum event_kind {
	EVENT_CALL = 1,   /* a system call, seen when it returns */
	EVENT_EXEC = 2,   /* a new image, from sched_process_exec */
	EVENT_FORK = 3,   /* a new process (not a thread); args: child pid, child start ns, child vpid, clone flags */
	EVENT_EXIT = 4,   /* the last thread of a process ended; args: status, signal */
	EVENT_CGROUP = 5, /* args: cgroup id, change (1 made, 2 moved in, 3 removed), pid */
	EVENT_KINDS = 6,
};

/* How a call entered the kernel; also the first index of the table of call descriptors. */
enum call_abi { ABI_NATIVE = 0, ABI_IA32 = 1, ABI_URING = 2, ABI_COUNT = 3 };

/* Call numbers (io_uring: opcodes) are below this; the highest number in use is near 470. */
#define CALLS_PER_ABI 512

/* What the kernel does for a call. Argument places are 1 to 6; 0 means none; PLACE_RETURN is the return value. */
#define PLACE_RETURN 7
#define PLACE_UNRELATED 8 /* of a directory: the string is not a path to resolve */

/* Added to the place of raw0: it points to data, or to a list of struct iovec, and not to a string. */
#define RAW_DATA 16
#define RAW_PARTS 32
/* Added to the place of fd: only the number counts. It is gone by now, or is not what the call is about. */
#define FD_NUMBER 16

enum call_flags {
	CALL_ENABLED = 1,
	CALL_PROCESS_RING = 2,  /* travels with exec, fork and connect, out of reach of a flood of opens */
	CALL_OPEN_HOW = 4,      /* argument 3 points to struct open_how: flags and mode replace arguments 3 and 4 */
	CALL_CWD = 8,           /* path: the current directory after the call */
	CALL_ROOT = 16,         /* path: the root directory after the call */
	CALL_IMAGE = 32,        /* execve, execveat: only failures, a success comes from EVENT_EXEC */
	CALL_MESSAGE = 64,      /* `address` is a struct msghdr that holds the address */
	CALL_DIR_OF_RELATIVE = 128, /* resolve the directory when the raw path is relative and the call resolved none */
};

enum budget_class {
	BUDGET_PROCESS = 0,
	BUDGET_FILE = 1,
	BUDGET_NETWORK = 2,
	BUDGET_CALL = 3,
	BUDGET_CONNECTION = 4,
	BUDGET_NAMED = 5, /* calls that are captured only where a rule names them, but for those of the next */
	BUDGET_FLOOD = 6, /* among them those that come in floods, such as reads and writes: no rare one gets lost among them */
	BUDGET_CLASSES = 8,
};

struct call_spec {
	u16 type;   /* code of core/fields/event-types.ts; 0: not known */
	u8 flags;   /* enum call_flags */
	u8 budget;  /* enum budget_class */
	u8 raw0;    /* place of a pointer to a string; with RAW_DATA to data (CALL_MESSAGE: to struct msghdr) */
	u8 raw1;
	u8 dir0;    /* place of the directory descriptor of raw0 */
	u8 dir1;
	u8 fd;      /* place of a descriptor to describe, or with FD_NUMBER only to tell */
	u8 address; /* place of a pointer to a socket address; its length is the next argument */
	u8 table;   /* addon only: table id of core/batch/schema.ts */
	u8 at_flags; /* addon only, as all below: place of the value for that column */
	u8 at_mode;
	u8 at_uid;
	u8 at_gid;
	u8 at_size;
};

/*
 * Strings and small structs behind the head, in this order; slot lengths are in `lengths`, an absent slot has length 0.
 * A path is its components from the leaf to the root, each ended by NUL; the root itself is one empty component.
 */
enum event_slot {
	SLOT_FACTS = 0,   /* struct socket_facts or struct image_facts */
	SLOT_PATH = 1,    /* what the descriptor is; exec: the executable */
	SLOT_RAW0 = 2,    /* a string as user space passed it, NUL included; sockets: data; exec: the file name given */
	SLOT_RAW1 = 3,    /* a second one; exec: argv with its NULs */
	SLOT_DIR0 = 4,    /* path of the directory of RAW0; exec: the current directory */
	SLOT_DIR1 = 5,    /* path of the directory of RAW1; exec: the environment with its NULs */
	SLOT_ADDRESS = 6, /* struct sockaddr from user space */
	SLOTS = 8,
};

enum event_flags {
	EVENT_PATH_CUT = 1,   /* SLOT_PATH stopped before the root: too deep or too long */
	EVENT_HAS_FILE = 2,   /* inode, device, mode, magic and fd are set */
	EVENT_UPPER = 4,      /* the file lives on the upper layer of an overlay … */
	EVENT_LOWER = 8,      /* … or on a lower one only */
};

struct event {
	u16 version;
	u8 kind;
	u8 abi;
	u16 type;
	u16 nr;
	u32 sequence; /* counts up by one per (stream, cpu); a gap is what the ring had no room for */
	u16 cpu;
	u8 stream;    /* which object wrote it (enum stream) */
	u8 flags;
	u64 time_ns;  /* CLOCK_BOOTTIME */
	u64 cgroup;
	u64 start_ns; /* of the process (thread group leader), CLOCK_BOOTTIME */
	u64 parent_start_ns;
	u32 exec_count;
	u32 pid;
	u32 tid;
	u32 vpid;
	u32 vtid;
	u32 ppid;
	u32 uid;
	u32 gid;
	u32 pid_ns;
	u32 mnt_ns;
	char comm[16];
	u64 args[6];
	s64 ret; /* right behind the arguments: place 7 */
	u64 inode;
	u32 device; /* major << 20 | minor */
	u32 mode;
	u32 magic;  /* of the file system */
	s32 fd;
	u16 lengths[SLOTS];
};

struct socket_facts {
	u16 family;
	u8 type;
	u8 protocol;
	u16 local_port;  /* host byte order */
	u16 remote_port; /* host byte order */
	u8 local[16];
	u8 remote[16];
	u16 listening;
	u16 path_bytes;  /* bytes of sun_path in use; an abstract name starts with NUL */
	char path[108];
};

/* Where the file of an overlay lives. */
enum overlay_layer { LAYER_NONE = 0, LAYER_UPPER = 1, LAYER_LOWER = 2 };

struct image_facts {
	u64 cap_permitted;
	u64 cap_effective;
	u64 cap_inheritable;
	u64 inode;
	s64 ctime_ns;
	s64 mtime_ns;
	u32 tty; /* as in /proc/PID/stat */
	u32 sid;
	u32 pgid;
	u32 vsid;
	u32 vpgid;
	u32 login_uid;
	u32 mode;
	u32 owner;
	u32 group;
	u32 links;
	u32 layer;       /* enum overlay_layer */
	u32 interpreted; /* 1: an interpreter runs it (#!) */
};

#define PAYLOAD_MAX 1024                   /* of what is sent or received */
#define DATA_LIMIT 16384                   /* a slot starts below this … */
#define SLOT_MAX 4096                      /* … and is at most this long */
#define PATH_DEPTH_MAX 64
#define EVENT_BYTES_MAX (sizeof(struct event) + DATA_LIMIT + SLOT_MAX)

/* Objects are loaded one by one, so that a kernel without one hook still shows the rest. */
enum stream { STREAM_PROCESS = 0, STREAM_CALLS = 1, STREAM_CGROUPS = 2, STREAM_URING = 3, STREAMS = 4 };

enum ring { RING_PROCESS = 0, RING_BULK = 1, RINGS = 2 };

#define CPUS_MAX 512

/* One cache line per CPU; the addon reads them through the mapping. */
struct cpu_counters {
	u64 sent;
	u64 ring_full[RINGS];
	u64 over_budget;
	u64 unreadable; /* call number or descriptor outside what the tables hold */
	u64 untracked;  /* io_uring: reported when submitted, without a result, for want of room to remember it */
	u64 spare[2];
};

#define EXCLUDED_MAX 8
struct excluded_process {
	u32 pid_ns;
	u32 vpid;
};

struct budget {
	u64 cost_ns;  /* 1e9 / events per second; 0: no bound */
	u64 burst_ns; /* how far ahead of its rate a cgroup may run */
};

struct settings {
	u32 containers_only;
	u32 environment;
	u32 cgroup_v1;
	u32 excluded_count;
	u32 is_reader_asleep; /* the next event wakes it, whatever the fill, and clears this */
	u32 unused;
	struct excluded_process excluded[EXCLUDED_MAX];
	struct budget budgets[BUDGET_CLASSES];
	u64 wake_bytes[RINGS];   /* filled this far, a ring wakes its reader */
	u64 crowded_bytes[RINGS]; /* filled this far, a cgroup above its budget gets no more room */
};

enum cgroup_verdict { CGROUP_UNKNOWN = 0, CGROUP_CONTAINER = 1, CGROUP_HOST = 2 };

#endif
