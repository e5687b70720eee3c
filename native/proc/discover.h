/* Which processes own vCPUs, and which thread runs which vCPU. Nothing is stopped here. */
#ifndef TILESCOPE_DISCOVER_H
#define TILESCOPE_DISCOVER_H

#include <sys/types.h>

#include "frame.h"
#include "proc.h"

#define MAX_VCPUS 4096

struct vcpu_place {
	uint32_t index;
	int fd;
	pid_t tid;       /* 0: not known */
	int vm_fd;       /* -1: not known */
	int tid_is_sure; /* 1: the kernel says so; 0: a guess, from its name or its guest time */
	int vmm_number;  /* of the CPU in its VMM's count, as its thread's name has it; -1: not known */
};

struct vmm {
	pid_t pid;
	uint32_t vm_count;
	int vm_fd;  /* the last one found; -1 */
	int kvm_fd; /* /dev/kvm; -1 */
	uint32_t vcpu_count;
	uint32_t left_out; /* vCPU descriptors beyond MAX_VCPUS */
	struct vcpu_place vcpus[MAX_VCPUS];
};

/* 0: read (perhaps no vCPU in it); -1 with errno: its descriptors may not be read. */
int discover_vmm(pid_t pid, struct vmm *vmm);

/*
 * Fills tid, vm_fd and vmm_number of every vCPU as far as they show without stopping anything. They say where to look first:
 * which thread runs a vCPU is known only once it stands in KVM_RUN of that descriptor.
 */
void discover_threads(struct vmm *vmm);

/* Kernel workers that live in a VMM's thread group: they look like vCPU threads and cannot run injected calls. */
int thread_is_decoy(const char *comm);

/* The vCPU number in a thread name of QEMU, Firecracker, Cloud Hypervisor or crosvm; -1. */
int vcpu_of_thread_name(const char *comm);

/* N of "anon_inode:kvm-vcpu:N"; -1. */
int vcpu_of_link(const char *link);

/* maps: text of /proc/PID/maps; NULL: none. 1: the process has mapped the page that it shares with KVM about a vCPU of that number. */
#define ANY_VCPU UINT32_MAX
int maps_have_vcpu(const char *maps, uint32_t index);

/* Appends struct list_head and the records of processes with a greater pid, as many as the frame holds. */
void discover_list(pid_t after_pid, struct reply *reply);

#endif
