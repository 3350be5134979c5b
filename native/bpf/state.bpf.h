/*
 * What every object shares with the addon: tables and counters in mapped memory, the rings, and the per-CPU buffer in
 * which an event is put together. Programs at tracepoints run with preemption off, so that buffer has one writer.
 */
#ifndef SEAMARK_STATE_BPF_H
#define SEAMARK_STATE_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "event.h"

char LICENSE[] SEC("license") = "GPL";

struct settings settings SEC(".data.settings");
struct cpu_counters counters[CPUS_MAX] SEC(".data.counters");

#define SPAN_BYTES 112

struct scratch {
	struct event event;
	u8 data[DATA_LIMIT + SLOT_MAX];
	/* Behind the event: what the path walk remembers from one step to the next. */
	u32 used;
	u32 walk_start;
	u64 dentry;
	u64 mount;
	u64 mount_root;
	/* A piece of a kernel structure, see READ_SPAN. */
	u8 span[SPAN_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* The rings belong to the addon, which puts them here: light skeletons cannot take over a map by descriptor. */
struct ring_template {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RINGS);
	__type(key, u32);
	__array(values, struct ring_template);
} rings SEC(".maps");

/*
 * Bounds an index to a power of two right where it is used. In assembly, because the compiler drops a mask that it can
 * prove needless, and older verifiers forget a bound when a register is spilled.
 */
#define MASKED(INDEX, COUNT)                                                              \
	({                                                                                \
		u64 masked_index = (INDEX);                                               \
		asm volatile("%0 &= %1" : "+r"(masked_index) : "i"((COUNT) - 1));         \
		masked_index;                                                             \
	})

/*
 * Every copy from kernel memory is a call that costs more than the bytes, so neighbours are copied together: READ_SPAN
 * takes the beginning of a structure, of which SPANNED gives a field. IN_SPAN says whether the field lies that far ahead
 * on this kernel; it is known when the program is loaded, so what is not needed costs nothing.
 */
#define IN_SPAN(TYPE, FIELD) \
	(bpf_core_field_offset(TYPE, FIELD) + bpf_core_field_size(TYPE, FIELD) <= SPAN_BYTES)
#define READ_SPAN(S, ADDRESS) bpf_probe_read_kernel((S)->span, SPAN_BYTES, (const void *)(ADDRESS))
#define SPANNED(S, TYPE, FIELD) \
	(*(typeof(((TYPE *)0)->FIELD) *)((S)->span + bpf_core_field_offset(TYPE, FIELD)))

static __always_inline struct scratch *scratch_of_cpu(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&scratches, &zero);
}

static __always_inline struct cpu_counters *counters_of_cpu(void)
{
	return &counters[bpf_get_smp_processor_id() & (CPUS_MAX - 1)];
}

/* Hands the event to a ring. A full ring loses it, counted; its sequence number then shows as a gap. */
static __always_inline void submit(struct scratch *s, u32 ring_index, u8 stream)
{
	struct cpu_counters *counter = counters_of_cpu();
	u64 size = sizeof(struct event) + (u64)s->used;
	u64 flags = BPF_RB_NO_WAKEUP;
	void *ring;

	if (size > EVENT_BYTES_MAX)
		return;
	ring = bpf_map_lookup_elem(&rings, &ring_index);
	if (!ring)
		return;
	s->event.stream = stream;
	s->event.sequence = counter->sent++;
	/* The reader's own timer comes often enough for a ring that fills slowly. */
	if (!(s->event.sequence & 31) &&
	    bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) > settings.wake_bytes[MASKED(ring_index, RINGS)])
		flags = BPF_RB_FORCE_WAKEUP;
	if (settings.is_reader_asleep) {
		settings.is_reader_asleep = 0;
		flags = BPF_RB_FORCE_WAKEUP;
	}
	if (bpf_ringbuf_output(ring, s, size, flags))
		counter->ring_full[MASKED(ring_index, RINGS)]++;
}

#endif
