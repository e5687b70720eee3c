/*
 * A VMM that lays its guest's memory as it is told, so that the published layout of any other can be tried.
 *
 *	laid-vmm [--memfd] [--one] [--decoy] [--low-tables] [--apart] [--neighbour BYTES] PHYSICAL:BYTES…
 *
 * --memfd  each region is a shared mapping of a memfd, else private memory without a name
 * --one    all regions lie one behind the other in one mapping, else each has one of its own
 * --decoy  beside each mapping there is another of the same size and contents, but for the last table of its last region
 * --neighbour  right behind the last mapping lies memory of the VMM's own, alike to the kernel, which makes one of both: every byte of it is EE
 * --low-tables the tables of the last region's page lie at its beginning, else at its end
 * --apart      the guest's memory is kept from forks, as QEMU keeps it, so that no neighbour is one with it
 *
 * The guest is in 64-bit mode and counts at 0x7e00. Linear address n << 39, from n = 1 on, is a page of region n - 1, through tables at that region's
 * end; what stands at a physical address of those pages is the address itself. Linear
 * address (regions + 1) << 39 is a large page that begins right behind the last region, n + 2 << 39 the large page that holds its end. Says a line `region PHYSICAL HOST` for each, then `ready`.
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
#define LARGE_BYTES (2ull << 20)
#define LOW_END 0x90000ull

static struct region {
	uint64_t physical, bytes;
	uint8_t *host, *decoy;
} regions[MOST];
static int count, with_memfd, in_one, with_decoy, low_tables, set_apart;
static uint64_t neighbour;

static uint8_t *map(uint64_t bytes)
{
	int flags = with_memfd ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, fd = -1;
	/* A page on each side that nobody may touch keeps the kernel from making one mapping of two. */
	uint8_t *room = mmap(NULL, bytes + neighbour + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (room == MAP_FAILED)
		err(1, "mmap");
	if (with_memfd && ((fd = memfd_create("guest", MFD_CLOEXEC)) < 0 || ftruncate(fd, (off_t)bytes) < 0))
		err(1, "memfd");
	if (mmap(room + PAGE, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) == MAP_FAILED)
		err(1, "mmap");
	if (fd >= 0)
		close(fd);
	if (set_apart && madvise(room + PAGE, bytes, MADV_DONTFORK) < 0)
		err(1, "madvise");
	if (neighbour) {
		uint8_t *own = mmap(room + PAGE + bytes, neighbour, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

		if (own == MAP_FAILED)
			err(1, "mmap");
		memset(own, 0xee, neighbour);
	}
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
		uint64_t end = low_tables && i == count - 1 ? LOW_END : r->bytes, page = r->bytes - 4 * PAGE;

		put(low, 0x1000 + 8ull * (uint64_t)(i + 1), (r->physical + end - 3 * PAGE) | USED);
		put(memory, end - 3 * PAGE, (r->physical + end - 2 * PAGE) | USED);
		put(memory, end - 2 * PAGE, (r->physical + end - PAGE) | USED);
		put(memory, end - PAGE, (r->physical + (is_decoy && i == count - 1 ? page - PAGE : page)) | USED);
		for (uint64_t inside = 0; inside < PAGE; inside += 8)
			put(memory, page + inside, r->physical + page + inside);
	}
	/* A directory of 512 large pages, of which the first alone is there: behind the last region, and its own end. */
	for (uint64_t more = 0; more < 2; more++) {
		const struct region *last = &regions[count - 1];
		uint64_t behind = last->physical + last->bytes, table = 0x10000 + more * 2 * PAGE;

		put(low, 0x1000 + 8ull * (uint64_t)(count + 1 + (int)more), table | USED);
		put(low, table, (table + PAGE) | USED);
		put(low, table + PAGE, (more ? behind - 1 : behind) / LARGE_BYTES * LARGE_BYTES | LARGE | USED);
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
		} else if (strcmp(word[i], "--low-tables") == 0) {
			low_tables = 1;
		} else if (strcmp(word[i], "--apart") == 0) {
			set_apart = 1;
		} else if (strcmp(word[i], "--neighbour") == 0 && i + 1 < words) {
			neighbour = strtoull(word[++i], NULL, 0);
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
