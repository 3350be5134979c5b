#include "objects.h"

#include <string.h>
#include <unistd.h>
/* Declares what the skeletons use of errno and mmap. */
#include <errno.h>
#include <sys/mman.h>

#include "../bpf/generated/cgroups.lskel.h"
#include "../bpf/generated/process.lskel.h"
#include "../bpf/generated/syscalls.lskel.h"
#include "../bpf/generated/uring.lskel.h"
#include "../bpf/generated/uring_sqe.lskel.h"
#include "../bpf/generated/uring_values.lskel.h"

/* The skeletons differ in their type only; what an object lacks is filled in by the two arguments. */
#define OBJECT(NAME, HOOKS, SPECS, VERDICTS)                                                        \
  static int NAME##_load_object(struct bpf_object_handle *handle, char *log, u32 log_bytes) {       \
    struct NAME *skeleton = NAME##__open();                                                         \
    int error;                                                                                      \
    memset(handle, 0, sizeof(*handle));                                                             \
    if (!skeleton) return -ENOMEM;                                                                  \
    skeleton->ctx.log_level = log_bytes ? 1 : 0;                                                    \
    skeleton->ctx.log_buf = (__u64)(long)log;                                                       \
    skeleton->ctx.log_size = log_bytes;                                                             \
    /* The verifier gives up when a signal is pending. */                                           \
    for (int tries = 0; tries < 10; tries++) {                                                      \
      error = NAME##__load(skeleton);                                                               \
      if (error != -EAGAIN) break;                                                                  \
    }                                                                                               \
    if (error) {                                                                                    \
      NAME##__destroy(skeleton);                                                                    \
      return error < 0 ? error : -error;                                                            \
    }                                                                                               \
    handle->skeleton = skeleton;                                                                    \
    handle->settings = &skeleton->data_settings->settings;                                          \
    handle->counters = skeleton->data_counters->counters;                                           \
    handle->specs = SPECS;                                                                          \
    handle->rings_fd = skeleton->maps.rings.map_fd;                                                 \
    handle->verdicts_fd = VERDICTS;                                                                 \
    return 0;                                                                                       \
  }                                                                                                 \
  static int NAME##_attach_object(struct bpf_object_handle *handle) {                               \
    return NAME##__attach((struct NAME *)handle->skeleton);                                         \
  }                                                                                                 \
  static void NAME##_destroy_object(struct bpf_object_handle *handle) {                             \
    if (handle->skeleton) NAME##__destroy((struct NAME *)handle->skeleton);                         \
    handle->skeleton = NULL;                                                                        \
  }                                                                                                 \
  const struct bpf_object_kind NAME##_object = {#NAME, HOOKS, NAME##_load_object, NAME##_attach_object, \
                                                NAME##_destroy_object};

OBJECT(process, "sched_process_exec, sched_process_fork, sched_process_exit", NULL, -1)
OBJECT(cgroups, "cgroup_mkdir, cgroup_attach_task, cgroup_rmdir", NULL, -1)
OBJECT(syscalls, "sys_exit", skeleton->data_specs->specs, skeleton->maps.cgroup_verdicts.map_fd)
OBJECT(uring, "io_uring_submit_req, io_uring_complete, io_uring_cqe_overflow", skeleton->data_specs->specs, skeleton->maps.cgroup_verdicts.map_fd)
OBJECT(uring_values, "io_uring_submit_req, io_uring_complete, io_uring_cqe_overflow", skeleton->data_specs->specs,
       skeleton->maps.cgroup_verdicts.map_fd)
OBJECT(uring_sqe, "io_uring_submit_sqe, io_uring_complete, io_uring_cqe_overflow", skeleton->data_specs->specs,
       skeleton->maps.cgroup_verdicts.map_fd)

const struct bpf_object_kind *const uring_objects[URING_OBJECTS] = {&uring_object, &uring_values_object, &uring_sqe_object};
