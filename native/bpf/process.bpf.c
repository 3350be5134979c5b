/* Birth, new image and death of processes. Always on: the process tree is what gives every other event its meaning. */
#include "files.bpf.h"
#include "budget.bpf.h"
#include "event-types.h"

#define SIGNAL_GROUP_EXIT 4
/* The top bit of a stored change time says that it was asked for (multigrain timestamps, 6.13). */
#define NSEC_MASK 0x3fffffff
#define CLONE_NR 56
#define FORK_NR 57
#define VFORK_NR 58
#define CLONE3_NR 435
#define IA32_CLONE_NR 120
#define IA32_FORK_NR 2
#define IA32_VFORK_NR 190
#define CLONE_VFORK_VM 0x4100

#define EXECVEAT_NR 322
#define IA32_EXECVEAT_NR 358

/* Processes whose last threads ended at the same moment have one exit event all the same. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u64);
} ended SEC(".maps");

static __always_inline void read_times(struct image_facts *facts, struct inode *inode)
{
	struct inode___structs *old = (void *)inode;
	struct timespec64 at = {};

	if (bpf_core_field_exists(inode->i_ctime_sec)) {
		facts->ctime_ns = BPF_CORE_READ(inode, i_ctime_sec) * 1000000000LL + (BPF_CORE_READ(inode, i_ctime_nsec) & NSEC_MASK);
	} else {
		if (bpf_core_field_exists(old->__i_ctime))
			at = BPF_CORE_READ(old, __i_ctime);
		else if (bpf_core_field_exists(old->i_ctime))
			at = BPF_CORE_READ(old, i_ctime);
		facts->ctime_ns = at.tv_sec * 1000000000LL + at.tv_nsec;
	}
	if (bpf_core_field_exists(inode->i_mtime_sec)) {
		facts->mtime_ns = BPF_CORE_READ(inode, i_mtime_sec) * 1000000000LL + (BPF_CORE_READ(inode, i_mtime_nsec) & NSEC_MASK);
	} else {
		if (bpf_core_field_exists(old->__i_mtime))
			at = BPF_CORE_READ(old, __i_mtime);
		else if (bpf_core_field_exists(old->i_mtime))
			at = BPF_CORE_READ(old, i_mtime);
		facts->mtime_ns = at.tv_sec * 1000000000LL + at.tv_nsec;
	}
}

static __always_inline void read_sessions(struct image_facts *facts, struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	struct tty_struct *tty = signal->tty;
	u32 level = task->thread_pid->level;
	struct pid *group = BPF_CORE_READ(task, signal, pids[2]);
	struct pid *session = BPF_CORE_READ(task, signal, pids[3]);
	struct upid upid = {};

	read_upid(group, 0, &upid);
	facts->pgid = upid.nr;
	read_upid(group, level, &upid);
	facts->vpgid = upid.nr;
	read_upid(session, 0, &upid);
	facts->sid = upid.nr;
	read_upid(session, level, &upid);
	facts->vsid = upid.nr;
	facts->tty = 0;
	if (tty) {
		u32 minor = tty->driver->minor_start + tty->index;

		facts->tty = (minor & 0xff) | (u32)tty->driver->major << 8 | (minor & ~0xffu) << 12;
	}
}

static __always_inline void add_image_facts(struct scratch *s, struct task_struct *task, struct linux_binprm *bprm,
					    struct inode *inode)
{
	u64 used = s->used;
	struct image_facts *facts;
	const struct cred *cred = task->cred;

	if (used >= DATA_LIMIT)
		return;
	facts = (struct image_facts *)&s->data[used];
	bpf_core_read(&facts->cap_permitted, 8, &cred->cap_permitted);
	bpf_core_read(&facts->cap_effective, 8, &cred->cap_effective);
	bpf_core_read(&facts->cap_inheritable, 8, &cred->cap_inheritable);
	facts->login_uid = -1;
	if (bpf_core_field_exists(task->loginuid))
		facts->login_uid = task->loginuid.val;
	facts->inode = BPF_CORE_READ(inode, i_ino);
	facts->mode = BPF_CORE_READ(inode, i_mode);
	facts->owner = BPF_CORE_READ(inode, i_uid.val);
	facts->group = BPF_CORE_READ(inode, i_gid.val);
	facts->links = BPF_CORE_READ(inode, i_nlink);
	facts->interpreted = bprm->filename != bprm->interp;
	facts->layer = overlay_layer(inode, BPF_CORE_READ(inode, i_sb, s_magic));
	read_times(facts, inode);
	read_sessions(facts, task);
	s->event.lengths[SLOT_FACTS] = sizeof(*facts);
	s->used = used + sizeof(*facts);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	u64 nr = BPF_CORE_READ(regs, orig_ax);
	struct mm_struct *mm = task->mm;
	struct scratch *s = scratch_of_cpu();
	struct file *file = bprm->file;
	u16 type = TYPE_EXECVE;

	if (!s)
		return 0;
	/* Some kernels clear the call number as well; only a descriptor of a directory or file makes this path. */
	if ((task->thread_info.status & TS_COMPAT ? nr == IA32_EXECVEAT_NR : nr == EXECVEAT_NR) ||
	    (bpf_core_field_exists(bprm->fdpath) && bprm->fdpath))
		type = TYPE_EXECVEAT;
	begin_event(s, EVENT_EXEC, task->thread_info.status & TS_COMPAT ? ABI_IA32 : ABI_NATIVE, type, nr);
	fill_identity(&s->event, task);
	bpf_probe_read_kernel(s->event.comm, sizeof(s->event.comm), &task->comm);
	if (!within_budget(s->event.cgroup, BUDGET_PROCESS, RING_PROCESS, s->event.time_ns))
		return 0;
	s->event.ret = 0;
	__builtin_memset(s->event.args, 0, sizeof(s->event.args));
	add_image_facts(s, task, bprm, file->f_inode);
	add_path(s, SLOT_PATH, &file->f_path);
	add_kernel_string(s, SLOT_RAW0, bprm->filename);
	add_user_range(s, SLOT_RAW1, mm->arg_start, mm->arg_end);
	add_path(s, SLOT_DIR0, &task->fs->pwd);
	if (settings.environment)
		add_user_range(s, SLOT_DIR1, mm->env_start, mm->env_end);
	submit(s, RING_PROCESS, STREAM_PROCESS);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(parent);
	u64 nr = BPF_CORE_READ(regs, orig_ax);
	u32 compat = parent->thread_info.status & TS_COMPAT;
	struct scratch *s;
	struct upid upid;
	u16 type = TYPE_CLONE;
	u64 flags = 0;

	/* Threads share everything that rules and the process tree look at. */
	if (child->pid != child->tgid)
		return 0;
	s = scratch_of_cpu();
	if (!s)
		return 0;
	if (nr == (compat ? IA32_FORK_NR : FORK_NR)) {
		type = TYPE_FORK;
	} else if (nr == (compat ? IA32_VFORK_NR : VFORK_NR)) {
		type = TYPE_VFORK;
		flags = CLONE_VFORK_VM;
	} else if (nr == CLONE3_NR) {
		type = TYPE_CLONE3;
		u64 arguments = compat ? (u32)BPF_CORE_READ(regs, bx) : BPF_CORE_READ(regs, di);
		bpf_probe_read_user(&flags, 8, (void *)arguments);
	} else if (nr == (compat ? IA32_CLONE_NR : CLONE_NR)) {
		flags = compat ? (u32)BPF_CORE_READ(regs, bx) : BPF_CORE_READ(regs, di);
	}
	begin_event(s, EVENT_FORK, compat ? ABI_IA32 : ABI_NATIVE, type, nr);
	fill_identity(&s->event, parent);
	if (!within_budget(s->event.cgroup, BUDGET_PROCESS, RING_PROCESS, s->event.time_ns))
		return 0;
	read_upid(BPF_CORE_READ(child, thread_pid), child->thread_pid->level, &upid);
	s->event.ret = child->tgid;
	s->event.args[0] = child->tgid;
	s->event.args[1] = child->start_boottime;
	s->event.args[2] = upid.nr;
	s->event.args[3] = flags;
	/* CLONE_INTO_CGROUP never passes cgroup_attach_task. */
	s->event.args[4] = cgroup_of(child);
	s->event.args[5] = 0;
	submit(s, RING_PROCESS, STREAM_PROCESS);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	struct scratch *s;
	u32 code;

	if (signal->live.counter != 0)
		return 0;
	s = scratch_of_cpu();
	if (!s)
		return 0;
	begin_event(s, EVENT_EXIT, ABI_NATIVE, TYPE_PROCEXIT, 0);
	fill_identity(&s->event, task);
	if (signal->nr_threads > 1) {
		u64 key = (u64)s->event.pid << 32 | (u32)s->event.start_ns;

		if (bpf_map_update_elem(&ended, &key, &s->event.start_ns, BPF_NOEXIST))
			return 0;
	}
	if (!within_budget(s->event.cgroup, BUDGET_PROCESS, RING_PROCESS, s->event.time_ns))
		return 0;
	code = signal->flags & SIGNAL_GROUP_EXIT ? signal->group_exit_code : task->exit_code;
	s->event.ret = code;
	__builtin_memset(s->event.args, 0, sizeof(s->event.args));
	s->event.args[0] = code >> 8 & 0xff;
	s->event.args[1] = code & 0x7f;
	submit(s, RING_PROCESS, STREAM_PROCESS);
	return 0;
}
