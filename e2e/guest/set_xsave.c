/*
 * KVM_SET_XSAVE and nothing in between: a VM with one vCPU that never runs. First it writes struct head. Then, for every
 * request (u32 count, that many bytes of image) it puts the image at the end of a mapping, so that a kernel which reads on
 * gets EFAULT, and writes: i32 errno, the image before, the image after.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef KVM_CAP_XSAVE2
#define KVM_CAP_XSAVE2 208
#endif
#ifndef KVM_GET_XSAVE2
#define KVM_GET_XSAVE2 _IOR(KVMIO, 0xcf, struct kvm_xsave)
#endif
#define ROOM_BYTES 0x10000u
#define PAGE_BYTES 0x1000u

struct head {
	uint32_t image_bytes; /* what KVM_GET_XSAVE2 writes and KVM_SET_XSAVE reads */
};

static void fail(const char *what)
{
	fprintf(stderr, "set_xsave: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int whole(ssize_t (*move)(int, uint8_t *, size_t), int fd, void *bytes, size_t count)
{
	for (size_t at = 0; at < count;) {
		ssize_t moved = move(fd, (uint8_t *)bytes + at, count - at);

		if (moved <= 0)
			return -1;
		at += (size_t)moved;
	}
	return 0;
}

static ssize_t take(int fd, uint8_t *bytes, size_t count) { return read(fd, bytes, count); }
static ssize_t give(int fd, uint8_t *bytes, size_t count) { return write(fd, bytes, count); }

static int make_vcpu(int kvm)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} cpuid = { .head.nent = 256 };
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	int vcpu = vm < 0 ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);

	if (vcpu < 0)
		fail("KVM_CREATE_VCPU");
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) < 0 || ioctl(vcpu, KVM_SET_CPUID2, &cpuid) < 0)
		fail("KVM_SET_CPUID2");
	return vcpu;
}

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vcpu, cap;
	uint8_t *room = mmap(NULL, ROOM_BYTES + PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static uint8_t before[ROOM_BYTES], after[ROOM_BYTES];
	struct head head;
	uint32_t count;

	if (kvm < 0)
		fail("/dev/kvm");
	if (room == MAP_FAILED || mprotect(room + ROOM_BYTES, PAGE_BYTES, PROT_NONE) < 0)
		fail("mmap");
	vcpu = make_vcpu(kvm);
	cap = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
	head.image_bytes = cap > 4096 ? (uint32_t)cap : 4096;
	if (head.image_bytes > ROOM_BYTES || whole(give, 1, &head, sizeof(head)) < 0)
		fail("head");
	while (whole(take, 0, &count, sizeof(count)) == 0 && count <= ROOM_BYTES) {
		uint8_t *image = room + ROOM_BYTES - count;
		int32_t error;

		if (whole(take, 0, image, count) < 0)
			break;
		if (ioctl(vcpu, KVM_GET_XSAVE2, before) < 0)
			fail("KVM_GET_XSAVE2");
		error = ioctl(vcpu, KVM_SET_XSAVE, image) < 0 ? errno : 0;
		if (ioctl(vcpu, KVM_GET_XSAVE2, after) < 0)
			fail("KVM_GET_XSAVE2");
		if (whole(give, 1, &error, sizeof(error)) < 0 || whole(give, 1, before, head.image_bytes) < 0 ||
		    whole(give, 1, after, head.image_bytes) < 0)
			break;
	}
	return 0;
}
