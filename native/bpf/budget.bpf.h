/*
 * A fair share of the rings for every cgroup and class of calls. A cgroup above its rate may still use what is free; once
 * a ring is crowded it gets no more room, so that it cannot push out the events of others.
 */
#ifndef SEAMARK_BUDGET_BPF_H
#define SEAMARK_BUDGET_BPF_H

#include "state.bpf.h"

struct cgroup_budget {
	u64 ahead_ns[BUDGET_CLASSES]; /* when the cgroup will have paid for what it used */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, u64);
	__type(value, struct cgroup_budget);
} budgets SEC(".maps");

/* Writers on several CPUs race on one number; it is a rate, and a lost update costs it one event. */
static __always_inline bool within_budget(u64 cgroup, u32 class, u32 ring_index, u64 now)
{
	struct cgroup_budget *budget;
	u64 cost, ahead;
	void *ring;

	cost = settings.budgets[MASKED(class, BUDGET_CLASSES)].cost_ns;
	if (!cost)
		return true;
	budget = bpf_map_lookup_elem(&budgets, &cgroup);
	if (!budget) {
		struct cgroup_budget fresh = {};

		bpf_map_update_elem(&budgets, &cgroup, &fresh, BPF_NOEXIST);
		return true;
	}
	ahead = budget->ahead_ns[MASKED(class, BUDGET_CLASSES)];
	if (ahead < now)
		ahead = now;
	if (ahead - now <= settings.budgets[MASKED(class, BUDGET_CLASSES)].burst_ns) {
		budget->ahead_ns[MASKED(class, BUDGET_CLASSES)] = ahead + cost;
		return true;
	}
	ring = bpf_map_lookup_elem(&rings, &ring_index);
	if (!ring || bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) < settings.crowded_bytes[MASKED(ring_index, RINGS)])
		return true;
	counters_of_cpu()->over_budget++;
	return false;
}

#endif
