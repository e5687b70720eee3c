/* The VMM's memory over the wire: part of protocol.h, which includes it, and bound by its version. */
#ifndef TILESCOPE_PROTOCOL_MEMORY_H
#define TILESCOPE_PROTOCOL_MEMORY_H

#ifndef TILESCOPE_PROTOCOL_H
#error "protocol.h includes this"
#endif

/* ---- memory -----------------------------------------------------------------------------------------------------------
 * MSG_MAPPINGS: request struct vcpu_ref; reply this head and count records: the VMM's readable and writable mappings of
 * 1 MiB and more, but stacks, heap and KVM's. MSG_READ_MEMORY reads inside the mappings that were listed last; the reply is
 * the bytes. MSG_TRANSLATE: the head of the request, then count linear addresses, 8 bytes each; the reply is the head and a
 * struct translation for each, of one stop. KVM_TRANSLATE may set Accessed flags in the guest's tables, as its CPU may by
 * itself. MSG_BOUNDS: request struct vcpu_ref; reply its head and count struct mapping_bounds, one for each mapping that
 * was listed last: 1 where it holds one thing alone, for it is of a file, or kept from forks and followed by memory that nobody
 * may touch. 0: what the VMM has behind it may be part of it.
 */
#define MAX_MAPPINGS 4096u
#define MAX_READ_BYTES (MAX_PAYLOAD_BYTES / 2)
#define MAX_TRANSLATIONS 64u
#define TRANSLATIONS_A_CHAIN 24u
struct mappings_head {
	uint32_t count;
	uint32_t left_out; /* beyond MAX_MAPPINGS */
};
struct mapping_record {
	uint64_t start;
	uint64_t end;
};
struct bounds_head {
	uint32_t count;
	uint32_t reserved;
};
struct mapping_bounds {
	uint32_t is_one_thing;
	uint32_t reserved;
};
struct read_memory_request {
	struct vcpu_ref vcpu;
	uint64_t address;
	uint32_t bytes;
	uint32_t reserved;
};
/*
 * MSG_WRITE_MEMORY: this head, then `bytes` bytes as they are and as many as they are to be, on one page inside the mappings that
 * were listed last and are still there. The vCPU stands still meanwhile; other vCPUs do not. Unless memory is as it was said to
 * be, nothing is written. The reply is the bytes read back: what differs in them somebody else has written since.
 */
#define MEMORY_PAGE_BYTES 4096u
struct write_memory_request {
	struct vcpu_ref vcpu;
	uint64_t address;
	uint32_t bytes;
	uint32_t reserved;
};
struct translate_request {
	struct vcpu_ref vcpu;
	uint32_t count;
	uint32_t reserved;
};
struct translate_head {
	uint32_t count;
	uint32_t reserved;
};
struct translation {
	uint64_t physical;
	uint32_t valid;
	uint32_t reserved;
};
_Static_assert(sizeof(struct read_memory_request) == 24, "read memory request is 24 bytes on the wire");
_Static_assert(sizeof(struct write_memory_request) == 24, "write memory request is 24 bytes before its bytes");
_Static_assert(sizeof(struct translate_request) == 16, "translate request is 16 bytes before its addresses");
_Static_assert(sizeof(struct translation) == 16, "translation is 16 bytes on the wire");

#endif
