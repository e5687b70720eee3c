/*
 * [C64], [C65] Who may look into whose VMM: test-authority HELPER ODD-VMM. As root, in a mount namespace of its own, with users that exist
 * only here: a helper that has file capabilities is run by a user who has none.
 */
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "authority.h"
#include "check.h"
#include "odd_scene.h"

#define MARA 61001
#define JORN 61002
#define PTRACE (1u << CAP_SYS_PTRACE)
#define SEARCH (1u << CAP_DAC_READ_SEARCH)

static const char folder[] = "/mnt/tilescope-authority";
static char program[64], as_mara[64], lent_sleep[64];

/* odd_scene.h asks for it; nothing is reused here. */
pid_t start_stranger(pid_t number)
{
	return number;
}

static int copy(const char *from, const char *to, mode_t mode)
{
	char command[512];

	(void)snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	return system(command) == 0 && chmod(to, mode) == 0;
}

static int give(const char *path, uint32_t capabilities)
{
	struct vfs_cap_data data = { .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, .data[0].permitted = capabilities };

	return setxattr(path, "security.capability", &data, sizeof(data), 0) == 0;
}

static int write_text(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return 0;
	(void)fputs(text, file);
	return fclose(file) == 0 && chmod(path, mode) == 0;
}

static int prepare(const char *given)
{
	char text[256];

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/mnt", "tmpfs", 0, "mode=755") < 0 || mkdir(folder, 0755) < 0 ||
	    mount("tmpfs", "/etc", "tmpfs", 0, "mode=755") < 0)
		return 0;
	(void)snprintf(program, sizeof(program), "%s/helper", folder);
	(void)snprintf(as_mara, sizeof(as_mara), "%s/as-mara", folder);
	(void)snprintf(lent_sleep, sizeof(lent_sleep), "%s/sleep", folder);
	(void)snprintf(text, sizeof(text), "#!/bin/sh\nexec setpriv --reuid=%d --regid=%d --groups=%d,%d %s\n", MARA, MARA, MARA, 61009,
		       program);
	return copy(given, program, 0755) && write_text(as_mara, text, 0755) && copy("/bin/sleep", lent_sleep, 04755);
}

/* A VMM of that user, and a helper with these capabilities that Mara runs. */
static int scene(uid_t owner, uint32_t capabilities, const char *a, const char *b)
{
	char uid[16];
	const char *arguments[] = { "--uid", uid, a, b, NULL };

	(void)snprintf(uid, sizeof(uid), "%u", owner);
	if (owner == 0)
		uid[0] = '0';
	(void)removexattr(program, "security.capability");
	if (capabilities && !give(program, capabilities)) {
		CHECK(0, "no file capabilities");
		return 0;
	}
	if (guest_start_demo(&guest, odd, arguments) == 0 && client_start(&client, as_mara) == 0)
		return 1;
	CHECK(0, "the VMM or the helper did not start");
	guest_end(&guest);
	return 0;
}

static int never_traced(pid_t pid)
{
	struct status_facts facts = { .tracer = -1 };

	return proc_status(pid, 0, &facts) == 0 && facts.tracer == 0;
}

static void allowed(const char *why)
{
	CHECK(client_attach(&client, guest.pid, 0, 0, NULL) == 1, "%s: %s", why, words(&client));
	CHECK(client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) == 1, "%s: %s", why, words(&client));
	CHECK(client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 1, "%s: %s", why, words(&client));
	CHECK(guest_progresses(&guest, 0), "%s: the guest does not go on", why);
	end();
}

static void refused(uint32_t expected, const char *part, const char *why)
{
	CHECK(client_attach(&client, guest.pid, 0, 0, NULL) == 0 && reason(&client) == expected && strstr(words(&client), part),
	      "%s: %u %s", why, reason(&client), words(&client));
	CHECK(never_traced(guest.pid) && guest.page->vcpus[0].eintr_count == 0, "%s: it was touched", why);
	end();
}

/* The heir's pid instead of the VMM's. */
static void heir_refused(uint32_t expected, const char *why)
{
	pid_t heir = (pid_t)control()->answer;

	CHECK(client_attach(&client, heir, 0, 0, NULL) == 0 && reason(&client) == expected, "%s: %u %s", why, reason(&client),
	      words(&client));
	CHECK(never_traced(heir), "%s: it is traced", why);
	end();
	(void)signal_process(heir, SIGKILL);
}

static void without_policy(void)
{
	rule("a helper with capabilities gives its caller his own VMMs, and nobody else's");
	if (scene(MARA, PTRACE, NULL, NULL))
		allowed("her own");
	if (scene(MARA, PTRACE | SEARCH, NULL, NULL))
		allowed("her own");
	if (scene(JORN, PTRACE | SEARCH, NULL, NULL))
		refused(REASON_NOT_AUTHORISED, "no policy file", "another user's");
	if (scene(0, PTRACE | SEARCH, NULL, NULL))
		refused(REASON_NOT_AUTHORISED, "no policy file", "root's");
	if (scene(MARA, PTRACE | SEARCH, "--undumpable", NULL))
		refused(REASON_NOT_AUTHORISED, "not dumpable", "her own, not dumpable");
	if (scene(JORN, PTRACE, NULL, NULL))
		refused(REASON_NOT_AUTHORISED, "no policy file", "another user's, without CAP_DAC_READ_SEARCH");
	if (scene(JORN, 0, NULL, NULL))
		refused(REASON_OTHER_USER, "another user", "another user's, by a helper without capabilities");
	if (scene(MARA, 0, NULL, NULL))
		allowed("her own, by a helper without capabilities");
}

static void no_vmm(void)
{
	rule("a process that was handed a vCPU's descriptor, or inherited it, is none of a helper's business");
	if (scene(0, 0, "--heir", NULL)) {
		CHECK(client_end(&client) == 0 && client_start(&client, program) == 0, "no helper of root's");
		heir_refused(REASON_NOT_A_VMM, "an heir with all mappings");
	}
	if (scene(0, 0, "--hand", "/bin/sleep")) {
		CHECK(client_end(&client) == 0 && client_start(&client, program) == 0, "no helper of root's");
		heir_refused(REASON_NOT_A_VMM, "a process with the descriptor alone");
	}
	if (scene(MARA, PTRACE | SEARCH, "--hand", lent_sleep))
		heir_refused(REASON_NOT_AUTHORISED, "a set-uid program");
}

static void with_policy(const char *text, mode_t mode, uid_t owner, const char *part)
{
	if (!write_text(POLICY_PATH, text, mode) || chown(POLICY_PATH, owner, 0) < 0) {
		CHECK(0, "no policy");
		return;
	}
	if (!scene(JORN, PTRACE | SEARCH, NULL, NULL))
		return;
	if (part)
		refused(REASON_NOT_AUTHORISED, part, text);
	else
		allowed(text);
}

static void policies(void)
{
	char exact[512], other[512];

	rule("another user's VMM is given by a line that root wrote");
	CHECK(mkdir(POLICY_FOLDER, 0755) == 0, "no folder");
	(void)snprintf(exact, sizeof(exact), "# comment\n\n  allow %d %d %s \n", MARA, JORN, odd);
	(void)snprintf(other, sizeof(other), "allow %d %d /bin/sleep\n", MARA, JORN);
	with_policy(exact, 0644, 0, NULL);
	with_policy("allow 61001 61002 *\n", 0644, 0, NULL);
	with_policy("allow @61009 61002 *\n", 0600, 0, NULL);
	with_policy(other, 0644, 0, "no line");
	with_policy("allow @61008 61002 *\n", 0644, 0, "no line");
	with_policy("allow 61001 61003 *\n", 0644, 0, "no line");
	with_policy("allow 61002 61002 *\n", 0644, 0, "no line");
	with_policy("", 0644, 0, "no line");
	with_policy("allow mara jorn *\nallow 61001 61002 *\n", 0644, 0, "line 1");
	with_policy("deny 61001 61002 *\nallow 61001 61002 *\n", 0644, 0, "line 1");
	with_policy("allow 61001 61002\nallow 61001 61002 *\n", 0644, 0, "line 1");
	with_policy("allow 61001 4294967298 *\n", 0644, 0, "line 1");
	with_policy("allow 61001 61002 *\n", 0664, 0, "root's alone");
	with_policy("allow 61001 61002 *\n", 0646, 0, "root's alone");
	with_policy("allow 61001 61002 *\n", 0644, MARA, "root's alone");
	(void)chmod(POLICY_FOLDER, 0777);
	with_policy("allow 61001 61002 *\n", 0644, 0, "root's alone");
	(void)chmod(POLICY_FOLDER, 0755);
	CHECK(write_text(POLICY_PATH, "allow 61001 0 *\n", 0644) && chown(POLICY_PATH, 0, 0) == 0, "no policy");
	if (scene(MARA, PTRACE | SEARCH, "--hand", lent_sleep))
		heir_refused(REASON_NOT_AUTHORISED, "a set-uid program, whatever the policy says");
}

int main(int count, char **arguments)
{
	if (count < 3) {
		fprintf(stderr, "usage: test-authority HELPER ODD-VMM\n");
		return 64;
	}
	odd = realpath(arguments[2], NULL);
	helper = stepped = realpath(arguments[1], NULL);
	if (!kvm_is_there()) {
		skip("authority", "/dev/kvm is absent");
		return summary();
	}
	if (geteuid() != 0 || !helper || !odd || !prepare(helper)) {
		skip("authority", "it takes root, a mount namespace and setpriv, to act as another user");
		return summary();
	}
	without_policy();
	no_vmm();
	policies();
	return summary();
}
