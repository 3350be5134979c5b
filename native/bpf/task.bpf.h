/* Who did it: fills the identity part of an event from a task. */
#ifndef SEAMARK_TASK_BPF_H
#define SEAMARK_TASK_BPF_H

#include "state.bpf.h"

#define TS_COMPAT 0x0002
#define PF_KTHREAD 0x00200000

/* Inode of the initial pid namespace: PROC_PID_INIT_INO, the same on every kernel. */
#define INITIAL_PID_NS 0xEFFFFFFCU

/*
 * Pid numbers are kept per namespace level; level 0 is the initial one. `pid` must come from a copy (BPF_CORE_READ): the
 * verifier of 6.1 allows no arithmetic on typed pointers.
 */
static __always_inline void read_upid(struct pid *pid, u32 level, struct upid *out)
{
	u64 at = (u64)pid + bpf_core_field_offset(struct pid, numbers) + (u64)level * bpf_core_type_size(struct upid);

	bpf_probe_read_kernel(out, sizeof(*out), (void *)at);
}

static __always_inline u64 cgroup_of(struct task_struct *task)
{

	if (!settings.cgroup_v1)
		return task->cgroups->dfl_cgrp->kn->id;
	/* Engines with the v1 driver do not always make their cgroups in the unified hierarchy as well. */
	u32 index = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);

	return task->cgroups->subsys[index]->cgroup->kn->id;
}

static __always_inline void fill_identity(struct event *e, struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	struct task_struct *parent = task->real_parent;
	u32 level = task->thread_pid->level;

	e->time_ns = bpf_ktime_get_boot_ns();
	e->cgroup = cgroup_of(task);
	e->start_ns = leader->start_boottime;
	e->parent_start_ns = parent->group_leader->start_boottime;
	e->exec_count = task->self_exec_id;
	e->pid = task->tgid;
	e->tid = task->pid;
	e->ppid = parent->tgid;
	e->uid = task->cred->euid.val;
	e->gid = task->cred->egid.val;
	e->mnt_ns = task->nsproxy->mnt_ns->ns.inum;
	if (level == 0) {
		e->vtid = e->tid;
		e->vpid = e->pid;
		e->pid_ns = INITIAL_PID_NS;
	} else {
		struct upid upid = {};

		read_upid(BPF_CORE_READ(task, thread_pid), level, &upid);
		e->vtid = upid.nr;
		e->pid_ns = BPF_CORE_READ(upid.ns, ns.inum);
		read_upid(BPF_CORE_READ(task, group_leader, thread_pid), level, &upid);
		e->vpid = upid.nr;
	}
	bpf_probe_read_kernel(e->comm, sizeof(e->comm), &leader->comm);
}

/* Starts an event: everything but identity. */
static __always_inline void begin_event(struct scratch *s, u8 kind, u8 abi, u16 type, u16 nr)
{
	struct event *e = &s->event;

	e->version = EVENT_VERSION;
	e->kind = kind;
	e->abi = abi;
	e->type = type;
	e->nr = nr;
	e->cpu = bpf_get_smp_processor_id();
	e->flags = 0;
	e->fd = -1;
	e->inode = 0;
	e->device = 0;
	e->mode = 0;
	e->magic = 0;
	__builtin_memset(e->lengths, 0, sizeof(e->lengths));
	s->used = 0;
}

/* Seamark's own calls would feed themselves. The pair (pid namespace, pid in it) holds inside a container too. */
static __always_inline bool is_excluded(const struct event *e)
{
	u32 count = settings.excluded_count;

	for (u32 i = 0; i < EXCLUDED_MAX; i++) {
		if (i >= count)
			return false;
		if (settings.excluded[i].vpid == e->vpid && settings.excluded[i].pid_ns == e->pid_ns)
			return true;
	}
	return false;
}

#endif
