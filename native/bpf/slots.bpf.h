/*
 * Appends the variable parts of an event: strings of user space, small structs, paths as the kernel knows them. The larger
 * functions are global, so that the verifier looks at each once instead of once per way to reach it; global functions
 * return int and must distrust their pointer.
 */
#ifndef SEAMARK_SLOTS_BPF_H
#define SEAMARK_SLOTS_BPF_H

#include "task.bpf.h"

__noinline int add_user_string(struct scratch *s, u32 slot, u64 address)
{
	u64 used;

	if (!s || !address)
		return 0;
	used = s->used;
	if (used >= DATA_LIMIT)
		return 0;
	long length = bpf_probe_read_user_str(&s->data[used], SLOT_MAX, (void *)address);
	if (length > 0 && length <= SLOT_MAX) {
		s->event.lengths[slot & (SLOTS - 1)] = length;
		s->used = used + length;
	}
	return 0;
}

static __always_inline void add_kernel_string(struct scratch *s, u32 slot, const void *address)
{
	u64 used = s->used;

	if (used >= DATA_LIMIT)
		return;
	long length = bpf_probe_read_kernel_str(&s->data[used], SLOT_MAX, address);
	if (length > 0 && length <= SLOT_MAX) {
		s->event.lengths[slot] = length;
		s->used = used + length;
	}
}

/* Copies [from, to) of user memory. A page that is not there ends the copy at the page before it. */
static __always_inline void add_user_range(struct scratch *s, u32 slot, u64 from, u64 to)
{
	u64 used = s->used;
	u64 size = to - from;

	if (!from || to <= from || used >= DATA_LIMIT)
		return;
	if (size > SLOT_MAX)
		size = SLOT_MAX;
	if (bpf_probe_read_user(&s->data[used], size, (void *)from)) {
		size = 4096 - (from & 4095);
		if (size > SLOT_MAX || size > to - from || bpf_probe_read_user(&s->data[used], size, (void *)from))
			return;
	}
	s->event.lengths[slot] = size;
	s->used = used + size;
}

/* A struct sockaddr of user space, at most 128 bytes of it (struct sockaddr_storage). */
__noinline int add_address(struct scratch *s, u64 address, u64 length)
{
	u64 used;

	if (!s || !address || !length)
		return 0;
	used = s->used;
	if (used >= DATA_LIMIT)
		return 0;
	if (length > 128)
		length = 128;
	if (bpf_probe_read_user(&s->data[used], length, (void *)address))
		return 0;
	s->event.lengths[SLOT_ADDRESS] = length;
	s->used = used + length;
	return 0;
}

/* The address in a struct msghdr of user space. */
static __always_inline void add_message_address(struct scratch *s, u64 message, bool is_32_bit)
{
	u32 pointer_bytes = is_32_bit ? 4 : 8;
	u64 name = 0;
	u32 length = 0;

	if (is_32_bit)
		bpf_probe_read_user(&name, 4, (void *)message);
	else
		bpf_probe_read_user(&name, 8, (void *)message);
	bpf_probe_read_user(&length, 4, (void *)(message + pointer_bytes));
	add_address(s, name, length);
}

/* The beginning of what was sent or received. A page that is not there ends it at the page before. */
__noinline int add_payload(struct scratch *s, u64 address, u64 size)
{
	u64 used;

	if (!s || !address)
		return 0;
	used = s->used;
	if (used >= DATA_LIMIT)
		return 0;
	if (size > PAYLOAD_MAX)
		size = PAYLOAD_MAX;
	if (bpf_probe_read_user(&s->data[used], size, (void *)address)) {
		u64 left = 4096 - (address & 4095);

		if (left >= size || bpf_probe_read_user(&s->data[used], left & 2047, (void *)address))
			return 0;
		size = left & 2047;
	}
	s->event.lengths[SLOT_RAW0] = size;
	s->used = used + size;
	return 0;
}

/* The same of a list of struct iovec: the first one. */
static __always_inline void add_first_part(struct scratch *s, u64 parts, u64 size, bool is_32_bit)
{
	u64 part[2] = {};

	if (is_32_bit) {
		u32 short_part[2] = {};

		bpf_probe_read_user(short_part, 8, (void *)parts);
		part[0] = short_part[0];
		part[1] = short_part[1];
	} else {
		bpf_probe_read_user(part, 16, (void *)parts);
	}
	add_payload(s, part[0], part[1] < size ? part[1] : size);
}

/* Where a struct msghdr has its list of struct iovec. */
static __always_inline u64 parts_of_message(u64 message, bool is_32_bit)
{
	u64 parts = 0;

	if (is_32_bit)
		bpf_probe_read_user(&parts, 4, (void *)(message + 8));
	else
		bpf_probe_read_user(&parts, 8, (void *)(message + 16));
	return parts;
}

/* The same of an address that the kernel has copied. */
static __always_inline void add_kernel_address(struct scratch *s, const void *address, u64 length)
{
	u64 used = s->used;

	if (!address || !length || used >= DATA_LIMIT)
		return;
	if (length > 128)
		length = 128;
	if (bpf_probe_read_kernel(&s->data[used], length, address))
		return;
	s->event.lengths[SLOT_ADDRESS] = length;
	s->used = used + length;
}

struct dentry_place {
	struct dentry *parent;
	struct qstr name;
	bool is_short; /* the name is in the span, at short_name_at() */
};

#define SHORT_NAME_BYTES 32

static __always_inline u64 short_name_at(void)
{
	if (bpf_core_field_exists(((struct dentry *)0)->d_shortname))
		return bpf_core_field_offset(struct dentry, d_shortname);
	if (bpf_core_field_exists(((struct dentry___array *)0)->d_iname))
		return bpf_core_field_offset(struct dentry___array, d_iname);
	return SPAN_BYTES;
}

/* The parent, the name, and most often the letters of the name, in one copy. */
static __always_inline void read_place(struct scratch *s, struct dentry *dentry, struct dentry_place *place)
{
	place->is_short = false;
	if (IN_SPAN(struct dentry, d_parent) && IN_SPAN(struct dentry, d_name) &&
	    short_name_at() + SHORT_NAME_BYTES <= SPAN_BYTES) {
		READ_SPAN(s, dentry);
		place->parent = SPANNED(s, struct dentry, d_parent);
		place->name = SPANNED(s, struct dentry, d_name);
		place->is_short = place->name.len < SHORT_NAME_BYTES && (u64)place->name.name == (u64)dentry + short_name_at();
	} else {
		place->parent = BPF_CORE_READ(dentry, d_parent);
		bpf_core_read(&place->name, sizeof(place->name), &dentry->d_name);
	}
}

static __always_inline void copy_short_name(u8 *to, const u8 *from)
{
	for (int i = 0; i < SHORT_NAME_BYTES; i += 8)
		*(u64 *)(to + i) = *(const u64 *)(from + i);
}

/* One step from a file towards the root. Returns 1 when the walk is over. Its state is in the scratch memory. */
__noinline int walk_step(struct scratch *s)
{
	struct dentry *dentry, *parent;
	struct mount *mount, *mount_parent;
	struct dentry_place place;
	u64 used;

	if (!s)
		return 1;
	dentry = (struct dentry *)s->dentry;
	read_place(s, dentry, &place);
	parent = place.parent;
	if (s->dentry == s->mount_root || dentry == parent) {
		mount = (struct mount *)(s->mount - bpf_core_field_offset(struct mount, mnt));
		mount_parent = BPF_CORE_READ(mount, mnt_parent);
		if (dentry != parent || s->dentry == s->mount_root) {
			if (mount_parent == mount)
				return 1;
			s->dentry = (u64)BPF_CORE_READ(mount, mnt_mountpoint);
			s->mount = (u64)mount_parent + bpf_core_field_offset(struct mount, mnt);
			s->mount_root = (u64)BPF_CORE_READ(mount_parent, mnt.mnt_root);
			return 0;
		}
	}
	used = s->used;
	if (used >= DATA_LIMIT || used - s->walk_start >= SLOT_MAX - 256)
		return 1;
	u64 length = place.name.len & 255;
	if (length) {
		if (place.is_short)
			copy_short_name(&s->data[used], s->span + short_name_at());
		else if (bpf_probe_read_kernel(&s->data[used], length, place.name.name))
			return 1;
		s->data[used + length] = 0;
		s->used = used + length + 1;
	}
	if (dentry == parent)
		return 1;
	s->dentry = (u64)parent;
	return 0;
}

/* Walks from s->dentry on s->mount, which the caller has set. */
__noinline int walk_path(struct scratch *s, u32 slot)
{
	struct vfsmount *mount;
	int done = 0;
	u64 used;

	if (!s || !s->dentry)
		return 0;
	mount = (struct vfsmount *)s->mount;
	s->mount_root = (u64)BPF_CORE_READ(mount, mnt_root);
	s->walk_start = s->used;
	for (int i = 0; i < PATH_DEPTH_MAX && !done; i++)
		done = walk_step(s);
	if (!done && slot == SLOT_PATH)
		s->event.flags |= EVENT_PATH_CUT;
	/* The root itself has no component: an empty one tells it from a path that could not be read. */
	used = s->used;
	if (used == s->walk_start && used < DATA_LIMIT) {
		s->data[used] = 0;
		s->used = used + 1;
	}
	s->event.lengths[slot & (SLOTS - 1)] = s->used - s->walk_start;
	return 0;
}

/*
 * The path from the root of the mount namespace. Not from the task's own root directory: a process that calls chroot
 * would otherwise rename the files it touches.
 */
static __always_inline void add_path(struct scratch *s, u32 slot, struct path *path)
{
	s->dentry = (u64)BPF_CORE_READ(path, dentry);
	s->mount = (u64)BPF_CORE_READ(path, mnt);
	walk_path(s, slot);
}

#endif
