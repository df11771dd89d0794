/*
 * Ways to the supervisor and to the rest of the machine. ATTACK_SUPERVISOR: pid of the broker as
 * the host sees it; ATTACK_RUNTIME: the session's runtime folder; ATTACK_STATE: nono's state
 * folder; ATTACK_CONFIG: its configuration folder; ATTACK_VICTIM: a process of the same user
 * outside.
 */
#include <dirent.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "attack.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

static pid_t pid_of(const char *var)
{
	return (pid_t)atoi(need(var));
}

static bool kill_one(pid_t pid)
{
	return pid > 1 && kill(pid, 0) == 0;
}

static enum outcome signals(void)
{
	if (kill_one(pid_of("ATTACK_SUPERVISOR")))
		return won("signal to the supervisor");
	if (kill_one(pid_of("ATTACK_VICTIM")))
		return won("signal to a process outside");
	if (getppid() > 0 && kill(getppid(), 0) == 0 && getppid() != getpgrp())
		return getenv("ATTACK_PARENT_IS_MINE") ? REFUSED : won("signal to the parent");
	return REFUSED;
}

/* The other calls that signal, and what makes the kernel signal somebody. */
static enum outcome odd_signals(void)
{
	static const char *const vars[] = {"ATTACK_SUPERVISOR", "ATTACK_VICTIM"};
	int p[2];

	if (pipe(p) < 0)
		return not_tried("pipe");
	for (size_t i = 0; i < 2; i++) {
		siginfo_t info = {.si_signo = 0, .si_code = SI_QUEUE};
		pid_t pid = pid_of(vars[i]);
		int fd = (int)syscall(SYS_pidfd_open, pid, 0);

		if (syscall(SYS_tgkill, pid, pid, 0) == 0 || syscall(SYS_tkill, pid, 0) == 0)
			return won("tgkill");
		if (syscall(SYS_rt_sigqueueinfo, pid, 0, &info) == 0 ||
		    syscall(SYS_rt_tgsigqueueinfo, pid, pid, 0, &info) == 0)
			return won("sigqueue");
		if (fd >= 0 && syscall(424 /* pidfd_send_signal */, fd, 0, NULL, 0) == 0)
			return won("pidfd_send_signal");
		/* Ready to read means SIGKILL for the owner: the test sees whether it lives. */
		if (fcntl(p[0], F_SETOWN, pid) == 0 && fcntl(p[0], F_SETSIG, SIGKILL) == 0 &&
		    fcntl(p[0], F_SETFL, O_ASYNC) == 0 && write(p[1], "x", 1) != 1)
			return not_tried("write");
	}
	return REFUSED;
}

static enum outcome trace(void)
{
	static const char *const vars[] = {"ATTACK_SUPERVISOR", "ATTACK_VICTIM"};
	char byte, path[128];
	struct iovec local = {&byte, 1}, remote = {(void *)0x400000, 1};

	for (size_t i = 0; i < 2; i++) {
		pid_t pid = pid_of(vars[i]);
		int fd;

		if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0)
			return won("ptrace");
		if (process_vm_readv(pid, &local, 1, &remote, 1, 0) > 0 || errno == EFAULT)
			return won("process_vm_readv");
		if (process_vm_writev(pid, &local, 1, &remote, 1, 0) > 0 || errno == EFAULT)
			return won("process_vm_writev");
		fd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (fd >= 0 && syscall(SYS_pidfd_getfd, fd, 0, 0) >= 0)
			return won("pidfd_getfd");
		snprintf(path, sizeof(path), "/proc/%d/mem", pid);
		if (open(path, O_RDWR) >= 0 || open(path, O_RDONLY) >= 0)
			return won(path);
		snprintf(path, sizeof(path), "/proc/%d/environ", pid);
		fd = open(path, O_RDONLY);
		if (fd >= 0 && read(fd, &byte, 1) == 1)
			return won(path);
		snprintf(path, sizeof(path), "/proc/%d/fd", pid);
		if (opendir(path))
			return won(path);
		snprintf(path, sizeof(path), "/proc/%d/root/etc/hostname", pid);
		if (open(path, O_RDONLY) >= 0)
			return won(path);
	}
	return REFUSED;
}

static bool readable(const char *dir, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return open(path, O_RDONLY) >= 0 || open(path, O_WRONLY | O_CREAT, 0600) >= 0;
}

static enum outcome own_files(void)
{
	if (readable(need("ATTACK_RUNTIME"), "token"))
		return won("the token");
	if (readable(need("ATTACK_RUNTIME"), "planted"))
		return won("a file in the runtime folder");
	if (readable(need("ATTACK_STATE"), "audit/ledger.ndjson"))
		return won("the ledger");
	if (readable(need("ATTACK_STATE"), "sessions/planted.json"))
		return won("a session record");
	if (readable(need("ATTACK_CONFIG"), "profiles/default.json"))
		return won("a profile");
	if (opendir(need("ATTACK_RUNTIME")))
		return won("listing of the runtime folder");
	if (rename(need("ATTACK_STATE"), "/tmp/moved-state") == 0)
		return won("the state folder was moved");
	return REFUSED;
}

static enum outcome control_socket(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	if ((size_t)snprintf(a.sun_path, sizeof(a.sun_path), "%s/control.sock",
			     need("ATTACK_RUNTIME")) >= sizeof(a.sun_path))
		return not_tried("the socket's name is too long");
	if (s >= 0 && connect(s, (struct sockaddr *)&a, sizeof(a)) == 0)
		return won("connect to the control socket");
	return REFUSED;
}

static enum outcome terminal(void)
{
	char c = 'x';
	DIR *d;
	struct dirent *de;
	char path[300];

	if (ioctl(0, TIOCSTI, &c) == 0)
		return won("TIOCSTI");
	if (syscall(SYS_ioctl, 0, 0x100000000ul | TIOCSTI, &c) == 0)
		return won("TIOCSTI with a high bit");
	c = 3;
	if (ioctl(0, TIOCLINUX, &c) == 0)
		return won("TIOCLINUX");
	d = opendir("/dev/pts");
	while (d && (de = readdir(d))) {
		struct stat mine, other;
		int fd;

		snprintf(path, sizeof(path), "/dev/pts/%s", de->d_name);
		if (de->d_name[0] < '0' || de->d_name[0] > '9')
			continue;
		if (stat(path, &other) < 0 || (fstat(0, &mine) == 0 && mine.st_ino == other.st_ino))
			continue;
		fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
		if (fd >= 0)
			return won(path);
	}
	return REFUSED;
}

static enum outcome descriptors(void)
{
	for (int fd = 3; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) >= 0) {
			char path[64], to[256];
			ssize_t n;

			snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
			n = readlink(path, to, sizeof(to) - 1);
			to[n > 0 ? n : 0] = '\0';
			return won(to);
		}
	return REFUSED;
}

static enum outcome capabilities(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {{0}};

	if (syscall(SYS_capget, &h, d) < 0)
		return not_tried("capget");
	if (d[0].effective | d[0].permitted | d[0].inheritable | d[1].effective | d[1].permitted)
		return won("a capability is left");
	/* An ordinary user without namespaces may not empty it; no_new_privs makes it powerless. */
	for (int c = 0; c <= 40 && getuid() == 0; c++)
		if (prctl(PR_CAPBSET_READ, c, 0, 0, 0) == 1)
			return won("a capability is left in the bounding set");
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return won("no_new_privs is not set");
	return REFUSED;
}

static enum outcome keyring(void)
{
	if (syscall(SYS_keyctl, KEYCTL_READ, KEY_SPEC_SESSION_KEYRING, NULL, 0) >= 0 ||
	    syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_USER_KEYRING, NULL, 0) >= 0)
		return won("keyctl");
	if (syscall(SYS_add_key, "user", "nono-attack", "x", 1, KEY_SPEC_PROCESS_KEYRING) >= 0)
		return won("add_key");
	if (syscall(SYS_request_key, "user", "nono-attack", NULL, 0) >= 0)
		return won("request_key");
	return REFUSED;
}

static enum outcome kernel_settings(void)
{
	static const char *const files[] = {
	    "/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory",
	    "/proc/sys/kernel/hostname",     "/proc/sysrq-trigger",
	    "/sys/kernel/uevent_helper",     "/proc/sys/fs/pipe-max-size",
	    "/sys/fs/cgroup/cgroup.procs",   "/sys/fs/cgroup/memory/memory.limit_in_bytes",
	};
	char path[64];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (open(files[i], O_WRONLY) >= 0)
			return won(files[i]);
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid_of("ATTACK_VICTIM"));
	if (open(path, O_WRONLY) >= 0)
		return won(path);
	return REFUSED;
}

static enum outcome limits(void)
{
	pid_t pid = pid_of("ATTACK_VICTIM");
	struct rlimit old, less = {16, 16};
	struct sched_param idle = {0};
	unsigned long cpu = 1;

	if (prlimit(pid, RLIMIT_NOFILE, &less, &old) == 0)
		return won("limits of a process outside");
	if (setpriority(PRIO_PROCESS, (id_t)pid, 19) == 0)
		return won("priority of a process outside");
	if (sched_setscheduler(pid, SCHED_IDLE, &idle) == 0 ||
	    sched_setscheduler(pid, SCHED_BATCH, &idle) == 0)
		return won("scheduling of a process outside");
	if (syscall(SYS_sched_setaffinity, pid, sizeof(cpu), &cpu) == 0)
		return won("processors of a process outside");
	if (syscall(SYS_ioprio_set, 1, pid, 3 << 13) == 0)
		return won("I/O priority of a process outside");
	if (syscall(SYS_kcmp, pid, getpid(), 0, 0, 0) >= 0)
		return won("kcmp with a process outside");
	return REFUSED;
}

/* ATTACK_QUEUE: name of a POSIX message queue of the same user outside. */
static enum outcome message_queue(void)
{
	const char *name = need("ATTACK_QUEUE");

	if (mq_open(name, O_RDWR) >= 0)
		return won("a message queue of outside");
	mq_unlink(name); /* the test sees whether it is there */
	return REFUSED;
}

/* What nono prints, told that it is outside; its exit code. */
static int nono_says(const char *const argv[], char *out, size_t size)
{
	size_t n = 0;
	ssize_t r;
	int p[2], status;
	pid_t pid;

	if (pipe(p) < 0 || (pid = fork()) < 0)
		exit(not_tried("a child"));
	if (pid == 0) {
		unsetenv("NONO_CAP_FILE");
		unsetenv("NONO_SESSION_ID");
		dup2(p[1], 1);
		dup2(p[1], 2);
		close(p[0]);
		close(p[1]);
		execv(need("ATTACK_NONO"), (char **)(uintptr_t)argv);
		_exit(126);
	}
	close(p[1]);
	while (n < size - 1 && (r = read(p[0], out + n, size - 1 - n)) > 0)
		n += (size_t)r;
	out[n] = '\0';
	close(p[0]);
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) == 126)
		exit(not_tried("nono inside"));
	return WEXITSTATUS(status);
}

/* The program itself is no door. ATTACK_NONO: where it is. */
static enum outcome commands(void)
{
	const char *id = need("NONO_SESSION_ID");
	const char *const what[][6] = {
	    {"nono", "approve", id},	       {"nono", "stop", id},
	    {"nono", "send", id, "x"},	       {"nono", "capture", id},
	    {"nono", "inspect", id},	       {"nono", "logs", id},
	    {"nono", "audit", "show", id},     {"nono", "audit", "list", "--json"},
	    {"nono", "ps", "--all", "--json"}, {"nono", "requests", "--json"},
	};
	char out[65536];

	for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++) {
		const bool lists = strncmp(what[i][2], "--", 2) == 0 || what[i][3];
		const int code = nono_says(what[i], out, sizeof(out));

		if (strstr(out, "supervisor_pid") || strstr(out, "\"session_id\"") ||
		    (!lists && code == 0)) {
			fprintf(stderr, "%s\n", out);
			return won(what[i][1]);
		}
	}
	return REFUSED;
}

static enum outcome odd_calls(void)
{
	if (personality(0x0400000 /* READ_IMPLIES_EXEC */) != -1)
		return won("personality");
	if (syscall(SYS_bpf, 0, NULL, 0) >= 0 || errno == EFAULT || errno == EINVAL ||
	    errno == E2BIG)
		return won("bpf is reached");
	if (syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0) >= 0 || errno == EFAULT)
		return won("perf_event_open is reached");
	if (syscall(SYS_userfaultfd, 1) >= 0)
		return won("userfaultfd");
	if (syscall(SYS_setns, 0, 0) == 0 || errno == EINVAL || errno == EBADF)
		return won("setns is reached");
	if (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWNET) == 0)
		return won("unshare");
	return REFUSED;
}

static enum outcome own_listener(void)
{
	/* One instruction that allows; NEW_LISTENER must not give a second listener. */
	struct {
		unsigned short code;
		unsigned char jt, jf;
		unsigned k;
	} insn = {0x06, 0, 0, 0x7fff0000u};
	struct {
		unsigned short len;
		void *filter;
	} prog = {1, &insn};

	if (syscall(SYS_seccomp, 1, 8ul /* NEW_LISTENER */, &prog) >= 0)
		return won("a listener of my own in front");
	return REFUSED;
}

static const struct attack table[] = {
    {"signals", signals},
    {"odd-signals", odd_signals},
    {"trace", trace},
    {"own-files", own_files},
    {"control-socket", control_socket},
    {"terminal", terminal},
    {"descriptors", descriptors},
    {"capabilities", capabilities},
    {"keyring", keyring},
    {"kernel-settings", kernel_settings},
    {"limits", limits},
    {"message-queue", message_queue},
    {"commands", commands},
    {"odd-calls", odd_calls},
    {"own-listener", own_listener},
};

ATTACK_MAIN(table)
