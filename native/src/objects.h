// The BPF objects behind one plain C interface: load, fill, attach, destroy. Each object stands alone, so a kernel that
// lacks the hook of one still runs the others. (Light skeletons are C that C++ refuses, hence this wall.)
#pragma once
#include "../bpf/event.h"

#ifdef __cplusplus
extern "C" {
#endif

struct bpf_object_handle {
  void *skeleton;
  struct settings *settings;
  struct cpu_counters *counters;
  struct call_spec *specs; /* null where the object reads no calls */
  int rings_fd;            /* array of rings, to be filled before attaching */
  int verdicts_fd;         /* cgroup id → verdict; -1 where the object has none */
};

struct bpf_object_kind {
  const char *name;
  const char *hooks;
  /* 0, or a negative errno; the verifier's words, when it had any, are in `log`. */
  int (*load)(struct bpf_object_handle *handle, char *log, u32 log_bytes);
  int (*attach)(struct bpf_object_handle *handle);
  void (*destroy)(struct bpf_object_handle *handle);
};

extern const struct bpf_object_kind process_object;
extern const struct bpf_object_kind syscalls_object;
extern const struct bpf_object_kind cgroups_object;
/* The same for kernels from 6.15, from 6.4 and before: the hooks changed. One at most loads. */
#define URING_OBJECTS 3
extern const struct bpf_object_kind *const uring_objects[URING_OBJECTS];

#ifdef __cplusplus
}
#endif
