#include "odd_scene.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "proc.h"

const char *helper, *stepped, *odd;
struct guest guest;
struct client client;
char kill_point[KILL_POINT_NAME_BYTES];

const char *words(const struct client *c)
{
	return c->refusal ? c->refusal->detail : "no answer";
}

uint32_t reason(const struct client *c)
{
	return c->refusal ? c->refusal->reason : 0;
}

void nap_ms(unsigned int ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);
}

volatile struct odd_control *control(void)
{
	return (volatile struct odd_control *)(uintptr_t)((uintptr_t)guest.page + ODD_OFFSET);
}

int command(uint32_t what, uint32_t vcpu, uint64_t argument)
{
	control()->vcpu = vcpu;
	control()->argument = argument;
	control()->command = what;
	return COMES(control()->command == 0);
}

int start(const char *program, const char *a, const char *b)
{
	const char *arguments[] = { a, b, NULL };

	if (guest_start_demo(&guest, odd, arguments) == 0 && guest_progresses(&guest, 0) && 
	    (program == stepped ? client_start_with_kill_points(&client, program) : client_start(&client, program)) == 0)
		return 1;
	CHECK(0, "the VMM or the helper did not start");
	guest_end(&guest);
	return 0;
}

void end(void)
{
	CHECK(client_end(&client) == 0, "the helper did not end with 0");
	guest_end(&guest);
}

void attach(uint32_t vcpu)
{
	CHECK(client_attach(&client, guest.pid, vcpu, 0, NULL) == 1, "vCPU %u: %s", vcpu, words(&client));
}

void send_vcpu(uint32_t code)
{
	struct vcpu_ref ref = { guest.pid, 0 };

	(void)client_send(&client, code, &ref, sizeof(ref));
}

void send_attach(void)
{
	struct attach_request request = { .vcpu = { guest.pid, 0 } };

	(void)client_send(&client, MSG_ATTACH, &request, sizeof(request));
}

void let_on(void)
{
	CHECK(write(client.go, "g", 1) == 1, "the helper is not there");
}

int until(const char *name)
{
	int outcome;

	while ((outcome = client_until_kill_point(&client, 1, kill_point, NULL)) == 2) {
		if (strcmp(kill_point, name) == 0)
			return 1;
		let_on();
	}
	CHECK(0, "no kill point \"%s\": %d, %s", name, outcome, words(&client));
	return 0;
}

int answer(void)
{
	return client_until_kill_point(&client, 0, kill_point, NULL);
}

int attach_between_kill_points(void)
{
	send_attach();
	CHECK(answer() == 1, "%s", words(&client));
	return client.refusal == NULL;
}

int is_reaped(void)
{
	if (!COMES(waitpid(guest.pid, NULL, WNOHANG) == guest.pid))
		return 0;
	guest.pid = 0;
	return 1;
}

uint64_t scratch_address(void)
{
	char *maps = proc_text("/proc/%d/maps", guest.pid);
	uint64_t found = 0;
	struct mapping m;

	for (const char *at = maps; at && mapping_next(&at, &m) == 0;)
		if (is_scratch_region(m.start, m.end))
			found = m.start;
	free(maps);
	return found;
}

void put_word(uint64_t address, uint64_t word)
{
	struct iovec from = { &word, sizeof(word) }, to = { (void *)(uintptr_t)address, sizeof(word) };

	CHECK(process_vm_writev(guest.pid, &from, 1, &to, 1, 0) == (ssize_t)sizeof(word), "it cannot be written");
}
