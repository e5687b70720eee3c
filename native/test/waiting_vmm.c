#include "waiting.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../demo/vm.h"

#define HANDLERS 0x1800u

static struct vm vm = { .irqchip = 1 };
static struct vm_vcpu vcpu;
static struct demo_page *page;
static volatile struct waiting_control *control;

/* inc word [WAITING_UD_COUNT]; iret */
static const uint8_t on_ud[] = { 0xff, 0x06, WAITING_UD_COUNT & 0xff, WAITING_UD_COUNT >> 8, 0xcf };
/* push ax; mov al, 0x20; out 0x20, al; inc word [WAITING_IRQ_COUNT]; pop ax; iret */
static const uint8_t on_irq[] = { 0x50, 0xb0, 0x20, 0xe6, 0x20, 0xff, 0x06, WAITING_IRQ_COUNT & 0xff, WAITING_IRQ_COUNT >> 8, 0x58, 0xcf };

static void lay_handler(uint32_t vector, uint32_t at, const uint8_t *code, size_t bytes)
{
	const uint16_t entry[2] = { (uint16_t)at, 0 };

	memcpy(vm.memory + at, code, bytes);
	memcpy(vm.memory + vector * sizeof(entry), entry, sizeof(entry));
}

/* Both PICs as a BIOS leaves them, but for the first one's vectors. */
static void prepare_pic(void)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_PIC_MASTER };

	if (ioctl(vm.fd, KVM_GET_IRQCHIP, &chip) < 0)
		vm_fail("KVM_GET_IRQCHIP");
	chip.chip.pic.irq_base = WAITING_IRQ;
	chip.chip.pic.imr = 0xfe;
	if (ioctl(vm.fd, KVM_SET_IRQCHIP, &chip) < 0)
		vm_fail("KVM_SET_IRQCHIP");
}

static void wait_with_exception(void)
{
	struct kvm_vcpu_events events;
	struct kvm_mp_state halted = { .mp_state = KVM_MP_STATE_HALTED };

	if (ioctl(vcpu.fd, KVM_GET_VCPU_EVENTS, &events) < 0)
		vm_fail("KVM_GET_VCPU_EVENTS");
	events.exception.injected = 1;
	events.exception.nr = WAITING_UD;
	if (ioctl(vcpu.fd, KVM_SET_VCPU_EVENTS, &events) < 0 || ioctl(vcpu.fd, KVM_SET_MP_STATE, &halted) < 0)
		vm_fail("KVM_SET_VCPU_EVENTS");
}

static void *run_vcpu(void *unused)
{
	struct demo_vcpu *shown = &page->vcpus[0];

	shown->tid = (int32_t)syscall(SYS_gettid);
	(void)prctl(PR_SET_NAME, "vcpu0");
	for (;;) {
		shown->run_count++;
		if (ioctl(vcpu.fd, KVM_RUN, 0) < 0)
			shown->eintr_count++;
		else
			shown->other_errors++;
	}
	return unused;
}

static void on_urgent(int number)
{
	(void)number;
}

static void raise_irq(void)
{
	struct kvm_irq_level line = { .level = 1 };

	if (ioctl(vm.fd, KVM_IRQ_LINE, &line) < 0)
		vm_fail("KVM_IRQ_LINE");
	line.level = 0;
	(void)ioctl(vm.fd, KVM_IRQ_LINE, &line);
	control->raised++;
}

int main(int count, char **arguments)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };
	int fd = count > 2 ? open(arguments[2], O_RDWR | O_CLOEXEC) : -1;
	pthread_t runner;

	page = mmap(NULL, DEMO_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		vm_fail("shared memory");
	control = (volatile struct waiting_control *)(void *)((uint8_t *)page + WAITING_OFFSET);
	vm.program = guest_program_named("integer");
	vm.memory = (uint8_t *)page + DEMO_MEMORY_AT;
	vm_make(&vm);
	vm_add_vcpu(&vm, 0, &vcpu);
	prepare_pic();
	lay_handler(WAITING_UD, HANDLERS, on_ud, sizeof(on_ud));
	lay_handler(WAITING_IRQ, HANDLERS + 0x100, on_irq, sizeof(on_irq));
	if (count > 3 && strcmp(arguments[3], "--exception") == 0)
		wait_with_exception();
	if (count > 3 && strcmp(arguments[3], "--urgent") == 0)
		(void)signal(SIGURG, on_urgent);
	if (pthread_create(&runner, NULL, run_vcpu, NULL) != 0)
		vm_fail("pthread_create");
	page->magic = DEMO_MAGIC;
	for (;; (void)nanosleep(&millisecond, NULL))
		while (control->raised != control->interrupts)
			raise_irq();
}
