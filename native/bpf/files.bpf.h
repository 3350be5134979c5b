/* What a descriptor is: a path and an inode for files, both ends for sockets, from the kernel's own structures. */
#ifndef SEAMARK_FILES_BPF_H
#define SEAMARK_FILES_BPF_H

#include "slots.bpf.h"
#include "event-types.h"

#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define TCP_LISTEN 10
#define AT_FDCWD -100
#define OVERLAYFS_MAGIC 0x794c7630

/* Place 1 to 6, or 7 for the return value behind them. Without branches: the verifier would follow every one. */
static __always_inline u64 argument(const struct event *e, u32 place)
{
	return e->args[(place - 1) & 7];
}

static __always_inline struct file *file_of(s32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = task->files->fdt;
	struct file *file = NULL;

	if (fd < 0 || (u32)fd >= table->max_fds)
		return NULL;
	bpf_probe_read_kernel(&file, sizeof(file), (void *)((u64)table->fd + (u64)(u32)fd * sizeof(void *)));
	return file;
}

static __always_inline void read_unix(struct socket_facts *facts, struct sock *sock)
{
	struct unix_address *address;

	if (!bpf_core_type_exists(struct unix_sock))
		return;
	/* A client has no name of its own: the peer's tells where it connected to. */
	address = BPF_CORE_READ((struct unix_sock *)sock, addr);
	if (!address) {
		struct sock *peer = BPF_CORE_READ((struct unix_sock *)sock, peer);

		if (!peer)
			return;
		address = BPF_CORE_READ((struct unix_sock *)peer, addr);
		if (!address)
			return;
	}
	s64 bytes = (s64)BPF_CORE_READ(address, len) - 2;
	if (bytes <= 0 || bytes > 108)
		return;
	/* No byte more than the name has: what lies behind it in the kernel is nobody's business. */
	if (!bpf_probe_read_kernel(facts->path, bytes & 127,
				   (void *)((u64)address + bpf_core_field_offset(struct unix_address, name) + 2)))
		facts->path_bytes = bytes;
}

__noinline int add_socket(struct scratch *s, u64 address)
{
	struct socket *socket = (struct socket *)address;
	struct sock *sock = BPF_CORE_READ(socket, sk);
	struct socket_facts *facts;
	u64 used;
	u16 port;

	if (!s || !sock)
		return 0;
	used = s->used;
	if (used >= DATA_LIMIT)
		return 0;
	facts = (struct socket_facts *)&s->data[used];
	__builtin_memset(facts, 0, __builtin_offsetof(struct socket_facts, path));
	facts->family = BPF_CORE_READ(sock, __sk_common.skc_family);
	facts->type = BPF_CORE_READ(sock, sk_type);
	facts->protocol = BPF_CORE_READ(sock, sk_protocol);
	facts->listening = BPF_CORE_READ(sock, __sk_common.skc_state) == TCP_LISTEN;
	u32 size = __builtin_offsetof(struct socket_facts, path);
	if (facts->family == AF_INET || facts->family == AF_INET6) {
		facts->local_port = BPF_CORE_READ(sock, __sk_common.skc_num);
		port = BPF_CORE_READ(sock, __sk_common.skc_dport);
		facts->remote_port = __builtin_bswap16(port);
	}
	if (facts->family == AF_INET) {
		bpf_core_read(facts->local, 4, &sock->__sk_common.skc_rcv_saddr);
		bpf_core_read(facts->remote, 4, &sock->__sk_common.skc_daddr);
	} else if (facts->family == AF_INET6) {
		bpf_core_read(facts->local, 16, &sock->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(facts->remote, 16, &sock->__sk_common.skc_v6_daddr);
	} else if (facts->family == AF_UNIX) {
		read_unix(facts, sock);
		size += facts->path_bytes;
	}
	s->event.lengths[SLOT_FACTS] = size;
	s->used = used + size;
	return 0;
}

static __always_inline u32 overlay_layer(struct inode *inode, u64 magic)
{
	u64 upper = 0;

	if (magic != OVERLAYFS_MAGIC)
		return LAYER_NONE;
	/* struct ovl_inode has the upper dentry right behind the inode that it embeds. */
	if (bpf_probe_read_kernel(&upper, 8, (void *)((u64)inode + bpf_core_type_size(struct inode))))
		return LAYER_NONE;
	return upper ? LAYER_UPPER : LAYER_LOWER;
}

static __always_inline void fill_inode(struct scratch *s, struct inode *inode)
{
	struct event *e = &s->event;
	struct super_block *super;

	if (IN_SPAN(struct inode, i_mode) && IN_SPAN(struct inode, i_sb) && IN_SPAN(struct inode, i_ino)) {
		READ_SPAN(s, inode);
		e->mode = SPANNED(s, struct inode, i_mode);
		e->inode = SPANNED(s, struct inode, i_ino);
		super = SPANNED(s, struct inode, i_sb);
	} else {
		e->mode = BPF_CORE_READ(inode, i_mode);
		e->inode = BPF_CORE_READ(inode, i_ino);
		super = BPF_CORE_READ(inode, i_sb);
	}
	if (IN_SPAN(struct super_block, s_dev) && IN_SPAN(struct super_block, s_magic)) {
		READ_SPAN(s, super);
		e->device = SPANNED(s, struct super_block, s_dev);
		e->magic = SPANNED(s, struct super_block, s_magic);
	} else {
		e->device = BPF_CORE_READ(super, s_dev);
		e->magic = BPF_CORE_READ(super, s_magic);
	}
	e->flags |= EVENT_HAS_FILE;
	/* LAYER_UPPER is 1, LAYER_LOWER 2; the flags lie in the same order. */
	e->flags |= overlay_layer(inode, e->magic) * EVENT_UPPER;
}

/* An open file by its address, which need not be trusted. */
__noinline int describe_file(struct scratch *s, u64 address)
{
	struct file *file = (struct file *)address;

	if (!s || !file)
		return 0;
	struct inode *inode;
	if (IN_SPAN(struct file, f_inode) && IN_SPAN(struct file, f_path)) {
		READ_SPAN(s, file);
		s->dentry = (u64)SPANNED(s, struct file, f_path).dentry;
		s->mount = (u64)SPANNED(s, struct file, f_path).mnt;
		inode = SPANNED(s, struct file, f_inode);
	} else {
		s->dentry = (u64)BPF_CORE_READ(file, f_path.dentry);
		s->mount = (u64)BPF_CORE_READ(file, f_path.mnt);
		inode = BPF_CORE_READ(file, f_inode);
	}
	fill_inode(s, inode);
	if ((s->event.mode & S_IFMT) == S_IFSOCK)
		add_socket(s, (u64)BPF_CORE_READ(file, private_data));
	else
		walk_path(s, SLOT_PATH);
	return 0;
}

__noinline int describe_descriptor(struct scratch *s, s32 fd)
{
	if (!s)
		return 0;
	s->event.fd = fd;
	return describe_file(s, (u64)file_of(fd));
}

/* The directory that a relative path starts from. */
__noinline int add_directory(struct scratch *s, u32 slot, s32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct file *file;

	if (!s)
		return 0;
	if (fd == AT_FDCWD) {
		add_path(s, slot, &task->fs->pwd);
		return 0;
	}
	file = file_of(fd);
	if (file)
		add_path(s, slot, &file->f_path);
	return 0;
}

/*
 * Whether a relative path was given, so that its meaning depends on a directory. An empty one means the descriptor itself
 * (AT_EMPTY_PATH); calls that are captured for every rule do without it.
 */
static __always_inline bool is_relative(const struct scratch *s, u32 slot, u64 at)
{
	u32 shortest = s->event.type >= TYPE_FIRST_NAMED ? 1 : 2;

	return s->event.lengths[slot] >= shortest && at < DATA_LIMIT && s->data[MASKED(at, DATA_LIMIT)] != '/';
}

/* Where the two strings begin in the data. A place of 0 means that no descriptor was given: the current directory. */
static __always_inline void add_directories(struct scratch *s, const struct call_spec *spec, u64 raw0_at, u64 raw1_at)
{
	struct event *e = &s->event;

	if (!(spec->flags & CALL_DIR_OF_RELATIVE) || e->lengths[SLOT_PATH])
		return;
	if (spec->dir0 != PLACE_UNRELATED && is_relative(s, SLOT_RAW0, raw0_at))
		add_directory(s, SLOT_DIR0, spec->dir0 ? (s32)argument(e, spec->dir0) : AT_FDCWD);
	if (spec->dir1 != PLACE_UNRELATED && is_relative(s, SLOT_RAW1, raw1_at))
		add_directory(s, SLOT_DIR1, spec->dir1 ? (s32)argument(e, spec->dir1) : AT_FDCWD);
}

#endif
