/* Which calls are wanted, and whose: the tables that system calls and io_uring have in common. */
#ifndef SEAMARK_CALLS_BPF_H
#define SEAMARK_CALLS_BPF_H

#include "state.bpf.h"

struct call_spec specs[ABI_COUNT * CALLS_PER_ABI] SEC(".data.specs");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, u64);
	__type(value, u32);
} cgroup_verdicts SEC(".maps");

static __always_inline bool is_filtered(u64 cgroup)
{
	if (!settings.containers_only)
		return false;
	/* A cgroup that nobody has judged yet may be a new container: it passes. */
	u32 *verdict = bpf_map_lookup_elem(&cgroup_verdicts, &cgroup);
	return verdict && *verdict == CGROUP_HOST;
}

#endif
