// A VMM written in Go, with nothing but its system calls: go-vmm FILE
//
// FILE is the guest's memory, 64 KiB. The guest counts at 0x7e00 and leaves for port 0x10 from time to time. Around it
// goroutines with small stacks do sums that they know the result of, and the collector runs: their stacks are the neighbours of
// the one that KVM_RUN is made on. Wrong sums are counted at 0x7e04, right ones at 0x7e08.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	createVM       = 0xae01
	vcpuMmapSize   = 0xae04
	createVCPU     = 0xae41
	setTSSAddress  = 0xae47
	setMemory      = 0x4020ae46
	run            = 0xae80
	setRegs        = 0x4090ae82
	getSregs       = 0x8138ae83
	setSregs       = 0x4138ae84
	getCPUID       = 0xc008ae05
	setCPUID       = 0x4008ae90
	exitReasonAt   = 8
	exitIO         = 2
	memoryBytes    = 0x10000
	codeAt         = 0x1000
	countAt        = 0x7e00
	workers        = 16
	sleepers       = 512
	stackRecursion = 12
)

func must(what string, errno syscall.Errno) {
	if errno != 0 {
		fmt.Fprintln(os.Stderr, "go-vmm:", what, errno)
		os.Exit(1)
	}
}

func ioctl(fd, request, argument uintptr) (uintptr, syscall.Errno) {
	result, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, argument)
	return result, errno
}

// deep uses its stack, a level for each call, and tells whether what it left there is what it finds there.
func deep(level int, seed uint64) bool {
	var mine [16]uint64
	for i := range mine {
		mine[i] = seed*uint64(i+3) ^ uint64(level)
	}
	runtime.Gosched()
	if level > 0 && !deep(level-1, seed+1) {
		return false
	}
	for i := range mine {
		if mine[i] != seed*uint64(i+3)^uint64(level) {
			return false
		}
	}
	return true
}

func work(right, wrong *uint32, seed uint64) {
	for ; ; seed++ {
		done := make(chan bool)
		go func() { done <- deep(stackRecursion, seed) }()
		if <-done {
			atomic.AddUint32(right, 1)
		} else {
			atomic.AddUint32(wrong, 1)
		}
		time.Sleep(time.Millisecond)
	}
}

// A sleeper waits with a little on a stack of 2 KiB, and looks at it whenever it is woken.
func sleep(wake <-chan bool, right, wrong *uint32, seed uint64) {
	var mine [8]uint64
	for {
		for i := range mine {
			mine[i] = seed * uint64(i+5)
		}
		<-wake
		for i := range mine {
			if mine[i] != seed*uint64(i+5) {
				atomic.AddUint32(wrong, 1)
			}
		}
		atomic.AddUint32(right, 1)
		seed++
	}
}

func startSleepers(wake chan bool, right, wrong *uint32) {
	for i := 0; i < sleepers/2; i++ {
		go sleep(wake, right, wrong, uint64(i)<<20)
	}
}

func main() {
	file, err := os.OpenFile(os.Args[1], os.O_RDWR, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, "go-vmm:", err)
		os.Exit(1)
	}
	memory, err := syscall.Mmap(int(file.Fd()), 0, memoryBytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		fmt.Fprintln(os.Stderr, "go-vmm:", err)
		os.Exit(1)
	}
	// mov ecx, 0x10000; again: inc dword [0x7e00]; dec ecx; jnz again; out 0x10, al; jmp to the start
	copy(memory[codeAt:], []byte{0x66, 0xb9, 0, 0, 1, 0, 0x66, 0xff, 0x06, 0x00, 0x7e, 0x66, 0x49, 0x75, 0xf7, 0xe6, 0x10, 0xeb, 0xed})

	kvm, err := syscall.Open("/dev/kvm", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, "go-vmm: /dev/kvm:", err)
		os.Exit(1)
	}
	vm, errno := ioctl(uintptr(kvm), createVM, 0)
	must("KVM_CREATE_VM", errno)
	_, _ = ioctl(vm, setTSSAddress, 0xfffbd000)
	var region [32]byte
	binary.LittleEndian.PutUint64(region[16:], memoryBytes)
	binary.LittleEndian.PutUint64(region[24:], uint64(uintptr(unsafe.Pointer(&memory[0]))))
	_, errno = ioctl(vm, setMemory, uintptr(unsafe.Pointer(&region[0])))
	must("KVM_SET_USER_MEMORY_REGION", errno)
	vcpu, errno := ioctl(vm, createVCPU, 0)
	must("KVM_CREATE_VCPU", errno)
	bytes, errno := ioctl(uintptr(kvm), vcpuMmapSize, 0)
	must("KVM_GET_VCPU_MMAP_SIZE", errno)
	state, err := syscall.Mmap(int(vcpu), 0, int(bytes), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		fmt.Fprintln(os.Stderr, "go-vmm: kvm_run:", err)
		os.Exit(1)
	}
	cpuid := make([]byte, 8+256*40)
	binary.LittleEndian.PutUint32(cpuid, 256)
	_, errno = ioctl(uintptr(kvm), getCPUID, uintptr(unsafe.Pointer(&cpuid[0])))
	must("KVM_GET_SUPPORTED_CPUID", errno)
	_, errno = ioctl(vcpu, setCPUID, uintptr(unsafe.Pointer(&cpuid[0])))
	must("KVM_SET_CPUID2", errno)
	var sregs [312]byte
	_, errno = ioctl(vcpu, getSregs, uintptr(unsafe.Pointer(&sregs[0])))
	must("KVM_GET_SREGS", errno)
	binary.LittleEndian.PutUint64(sregs[0:], 0)
	binary.LittleEndian.PutUint16(sregs[12:], 0)
	_, errno = ioctl(vcpu, setSregs, uintptr(unsafe.Pointer(&sregs[0])))
	must("KVM_SET_SREGS", errno)
	var regs [144]byte
	binary.LittleEndian.PutUint64(regs[128:], codeAt)
	binary.LittleEndian.PutUint64(regs[136:], 0x202)
	_, errno = ioctl(vcpu, setRegs, uintptr(unsafe.Pointer(&regs[0])))
	must("KVM_SET_REGS", errno)

	right := (*uint32)(unsafe.Pointer(&memory[countAt+8]))
	wrong := (*uint32)(unsafe.Pointer(&memory[countAt+4]))
	for i := 0; i < workers; i++ {
		go work(right, wrong, uint64(i)<<32)
	}
	go func() {
		for {
			runtime.GC()
			time.Sleep(5 * time.Millisecond)
		}
	}()
	wake := make(chan bool)
	done := make(chan struct{})
	startSleepers(wake, right, wrong)
	go func() {
		runtime.LockOSThread()
		for {
			_, errno := ioctl(vcpu, run, 0)
			if errno == syscall.EINTR || errno == syscall.EAGAIN {
				continue
			}
			must("KVM_RUN", errno)
			if reason := binary.LittleEndian.Uint32(state[exitReasonAt:]); reason != exitIO {
				fmt.Fprintln(os.Stderr, "go-vmm: exit", reason)
				os.Exit(2)
			}
		}
	}()
	startSleepers(wake, right, wrong)
	go func() {
		for {
			wake <- true
		}
	}()
	<-done
}
