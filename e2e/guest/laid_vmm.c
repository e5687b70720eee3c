/*
 * A VMM that lays its guest's memory as it is told, so that the published layout of any other can be tried.
 *
 *	laid-vmm [--memfd] [--one] [--decoy] PHYSICAL:BYTES…
 *
 * --memfd  each region is a shared mapping of a memfd, else private memory without a name
 * --one    all regions lie one behind the other in one mapping, else each has one of its own
 * --decoy  beside each mapping there is another of the same size and contents, but for the last table of its last region
 *
 * The guest is in 64-bit mode and counts at 0x7e00. Linear address n << 39, from n = 1 on, is a page of region n - 1, through tables at that region's
 * end; what stands at a physical address of those pages is the address itself. Says a line `region PHYSICAL HOST` for each, then `ready`.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

#define MOST 8
#define PAGE 4096ull
#define USED 0x63ull /* present, writable, accessed, dirty */
#define LARGE 0x80ull

static struct region {
	uint64_t physical, bytes;
	uint8_t *host, *decoy;
} regions[MOST];
static int count, with_memfd, in_one, with_decoy;

static uint8_t *map(uint64_t bytes)
{
	int flags = with_memfd ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, fd = -1;
	/* A page on each side that nobody may touch keeps the kernel from making one mapping of two. */
	uint8_t *room = mmap(NULL, bytes + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (room == MAP_FAILED)
		err(1, "mmap");
	if (with_memfd && ((fd = memfd_create("guest", MFD_CLOEXEC)) < 0 || ftruncate(fd, (off_t)bytes) < 0))
		err(1, "memfd");
	if (mmap(room + PAGE, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) == MAP_FAILED)
		err(1, "mmap");
	if (fd >= 0)
		close(fd);
	return room + PAGE;
}

static void lay(int is_decoy)
{
	uint64_t all = 0, at = 0;
	uint8_t *whole = NULL;

	for (int i = 0; i < count; i++)
		all += regions[i].bytes;
	if (in_one)
		whole = map(all);
	for (int i = 0; i < count; at += regions[i++].bytes)
		*(is_decoy ? &regions[i].decoy : &regions[i].host) = in_one ? whole + at : map(regions[i].bytes);
}

static void put(uint8_t *memory, uint64_t at, uint64_t value)
{
	memcpy(memory + at, &value, sizeof(value));
}

/* The same in the guest's memory and in the decoy. */
static void fill(int is_decoy)
{
	static const uint8_t code[] = { 0x48, 0xff, 0x07, 0xeb, 0xfb }; /* inc qword [rdi]; jmp */
	uint8_t *low = is_decoy ? regions[0].decoy : regions[0].host;

	put(low, 0x1000, 0x2000 | USED);
	put(low, 0x2000, 0x3000 | USED);
	put(low, 0x3000, LARGE | USED);
	memcpy(low + 0x8000, code, sizeof(code));
	for (int i = 0; i < count; i++) {
		const struct region *r = &regions[i];
		uint8_t *memory = is_decoy ? r->decoy : r->host;
		uint64_t end = r->bytes, page = end - 4 * PAGE;

		put(low, 0x1000 + 8ull * (uint64_t)(i + 1), (r->physical + end - 3 * PAGE) | USED);
		put(memory, end - 3 * PAGE, (r->physical + end - 2 * PAGE) | USED);
		put(memory, end - 2 * PAGE, (r->physical + end - PAGE) | USED);
		put(memory, end - PAGE, (r->physical + (is_decoy && i == count - 1 ? page - PAGE : page)) | USED);
		for (uint64_t inside = 0; inside < PAGE; inside += 8)
			put(memory, page + inside, r->physical + page + inside);
	}
}

static void run(void)
{
	struct kvm_regs regs = { .rip = 0x8000, .rdi = 0x7e00, .rsp = 0x7000, .rflags = 2 };
	struct kvm_segment segment = { .limit = 0xffffffffu, .selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1 };
	struct kvm_sregs sregs;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm = ioctl(kvm, KVM_CREATE_VM, 0), vcpu;

	if (kvm < 0 || vm < 0)
		err(1, "/dev/kvm");
	for (int i = 0; i < count; i++) {
		struct kvm_userspace_memory_region slot = { .slot = (uint32_t)i, .guest_phys_addr = regions[i].physical,
			.memory_size = regions[i].bytes, .userspace_addr = (uint64_t)(uintptr_t)regions[i].host };

		if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
			err(1, "KVM_SET_USER_MEMORY_REGION");
	}
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0 || ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		err(1, "KVM_CREATE_VCPU");
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = sregs.cs = segment;
	sregs.cs.selector = 8;
	sregs.cs.type = 11;
	sregs.cs.l = 1;
	sregs.cs.db = 0;
	sregs.cr3 = 0x1000;
	sregs.cr4 = 0x20;
	sregs.efer = 0x500;
	sregs.cr0 = 0x80010033u;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) < 0 || ioctl(vcpu, KVM_SET_REGS, &regs) < 0)
		err(1, "KVM_SET_SREGS");
	if (mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0) == MAP_FAILED)
		err(1, "mmap");
	printf("ready\n");
	(void)fflush(stdout);
	while (ioctl(vcpu, KVM_RUN, 0) < 0)
		;
	errx(1, "the guest left KVM_RUN");
}

int main(int words, char **word)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 1; i < words; i++) {
		char *bytes;

		if (strcmp(word[i], "--memfd") == 0) {
			with_memfd = 1;
		} else if (strcmp(word[i], "--one") == 0) {
			in_one = 1;
		} else if (strcmp(word[i], "--decoy") == 0) {
			with_decoy = 1;
		} else if (count < MOST) {
			regions[count].physical = strtoull(word[i], &bytes, 0);
			regions[count++].bytes = strtoull(bytes + 1, NULL, 0);
		}
	}
	if (with_decoy) {
		lay(1);
		fill(1);
	}
	lay(0);
	fill(0);
	for (int i = 0; i < count; i++)
		printf("region %#llx %#llx\n", (unsigned long long)regions[i].physical, (unsigned long long)(uintptr_t)regions[i].host);
	run();
}
