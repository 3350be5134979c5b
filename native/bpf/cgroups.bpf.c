/* Cgroups as they are made, entered and removed: a container has its identity before its first exec. */
#include "task.bpf.h"
#include "slots.bpf.h"

/* Only the hierarchy that names containers on this host is of interest. */
static __always_inline bool is_tracked(struct cgroup *cgroup)
{
	struct cgroup_root *root = cgroup->root;

	if (!settings.cgroup_v1)
		return root->hierarchy_id == 0;
	return root->subsys_mask & 1u << bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
}

static __always_inline void report(struct cgroup *cgroup, const char *path, u32 change, u32 pid)
{
	struct scratch *s;

	if (!is_tracked(cgroup))
		return;
	s = scratch_of_cpu();
	if (!s)
		return;
	begin_event(s, EVENT_CGROUP, ABI_NATIVE, 0, 0);
	fill_identity(&s->event, bpf_get_current_task_btf());
	s->event.ret = 0;
	s->event.args[0] = cgroup->kn->id;
	s->event.args[1] = change;
	s->event.args[2] = pid;
	s->event.args[3] = s->event.args[4] = s->event.args[5] = 0;
	add_kernel_string(s, SLOT_RAW0, path);
	submit(s, RING_PROCESS, STREAM_CGROUPS);
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_cgroup_mkdir, struct cgroup *cgroup, const char *path)
{
	report(cgroup, path, 1, 0);
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_cgroup_attach, struct cgroup *cgroup, const char *path, struct task_struct *task)
{
	report(cgroup, path, 2, task->tgid);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(on_cgroup_rmdir, struct cgroup *cgroup, const char *path)
{
	report(cgroup, path, 3, 0);
	return 0;
}
