/*
 * New namespaces around a child (nono_fork, nono_enter) or around the caller (nono_unshare).
 * Sources: clone(2), user_namespaces(7), pid_namespaces(7), network_namespaces(7).
 */
#include "sandbox/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static unsigned long wanted(const struct nono_spec *spec, bool pid)
{
	unsigned long flags = CLONE_NEWNS | CLONE_NEWIPC;

	if (pid && !spec->no_pid_namespace)
		flags |= CLONE_NEWPID;
	if (spec->net != NONO_NET_OPEN && !spec->share_network)
		flags |= CLONE_NEWNET;
	/* With the right to do without it a user namespace only takes things away. */
	if (!nono_have_capability(CAP_SYS_ADMIN))
		flags |= CLONE_NEWUSER;
	return flags;
}

static void note(struct nono_layers *layers, unsigned long flags, const char *why)
{
	layers->user_ns = flags & CLONE_NEWUSER;
	layers->mount_ns = flags & CLONE_NEWNS;
	layers->pid_ns = flags & CLONE_NEWPID;
	layers->net_ns = flags & CLONE_NEWNET;
	layers->ipc_ns = flags & CLONE_NEWIPC;
	layers->namespaces_why = why;
	/* Unknowable once inside an unmapped user namespace. */
	if (flags || why) {
		layers->uid = geteuid();
		layers->gid = getegid();
	}
}

/* Why the kernel says no, or NULL if it is an error of another kind. */
static const char *refusal(int code)
{
	switch (code) {
	case EPERM:
	case EACCES:
		return "the kernel, a security module or a container forbids user namespaces";
	case ENOSPC:
	case EUSERS:
		return "the limit of namespaces is reached or zero "
		       "(/proc/sys/user/max_*_namespaces)";
	case EINVAL:
	case ENOSYS:
		return "the kernel is built without namespaces";
	default:
		return NULL;
	}
}

/* Uid 0 can be mapped only by who could set file capabilities outside. */
static bool can_map_itself(void)
{
	return geteuid() != 0 || nono_have_capability(CAP_SETFCAP);
}

/* No namespaces, because of an errno: fine unless they are required or the errno is a surprise. */
static int do_without(const struct nono_spec *spec, struct nono_layers *layers, int code,
		      const char *why, struct nono_error *err)
{
	note(layers, 0, why ? why : "making the namespaces failed");
	if (spec->namespaces != NONO_REQUIRE && why)
		return 0;
	return nono_fail_errno(err, code, "Making the namespaces (%s)", why ? why : "unexpected");
}

static const char root_why[] = "root without CAP_SETFCAP cannot use a user namespace";

static pid_t plain_fork(struct nono_error *err)
{
	pid_t pid = fork();

	return pid < 0 ? nono_fail_errno(err, errno, "fork") : pid;
}

pid_t nono_fork(const struct nono_spec *spec, struct nono_layers *layers, struct nono_error *err)
{
	if (spec->namespaces == NONO_SKIP) {
		note(layers, 0, "switched off");
		return plain_fork(err);
	}
	const unsigned long flags = wanted(spec, true);
	if ((flags & CLONE_NEWUSER) && !can_map_itself())
		return do_without(spec, layers, EPERM, root_why, err) < 0 ? -1 : plain_fork(err);

	note(layers, flags, NULL);
	/* Not fork() and unshare(): that would take a process more, or move the caller. What
	 * glibc's fork() does beyond this concerns threads, and there are none. */
	pid_t pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0);
	if (pid >= 0)
		return pid;
	int code = errno;
	return do_without(spec, layers, code, refusal(code), err) < 0 ? -1 : plain_fork(err);
}

/* ---- inside ---- */

static int write_file(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(text);

	if (fd < 0)
		return -1;
	ssize_t r = write(fd, text, n);
	if (r >= 0 && (size_t)r != n) {
		errno = EIO;
		return -1;
	}
	return r < 0 ? -1 : 0;
}

static int map_ids(const struct nono_layers *layers, struct nono_error *err)
{
	char map[64];

	if (write_file("/proc/self/setgroups", "deny") < 0)
		return nono_fail_errno(err, errno, "Giving up setgroups in the user namespace");
	(void)snprintf(map, sizeof(map), "%u %u 1", layers->uid, layers->uid);
	if (write_file("/proc/self/uid_map", map) < 0)
		return nono_fail_errno(err, errno, "Mapping the user id in the user namespace");
	(void)snprintf(map, sizeof(map), "%u %u 1", layers->gid, layers->gid);
	if (write_file("/proc/self/gid_map", map) < 0)
		return nono_fail_errno(err, errno, "Mapping the group id in the user namespace");
	return 0;
}

static int bring_loopback_up(struct nono_error *err)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request;

	memset(&request, 0, sizeof(request));
	memcpy(request.ifr_name, "lo", 3);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return nono_fail_errno(err, errno, "Looking at the loopback interface");
	request.ifr_flags = (short)(request.ifr_flags | IFF_UP | IFF_RUNNING);
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return nono_fail_errno(err, errno, "Bringing up the loopback interface");
	return 0;
}

static int enter(const struct nono_spec *spec, struct nono_layers *layers, bool new_terminals,
		 struct nono_error *err)
{
	if (layers->user_ns && map_ids(layers, err) < 0)
		return -1;
	/* The limit is the namespace's own. The filter refuses nested ones anyway; this holds them
	 * off also where a filter is not yet, or not any more, thought of. */
	if (layers->user_ns)
		(void)write_file("/proc/sys/user/max_user_namespaces", "0");
	if (layers->net_ns && bring_loopback_up(err) < 0)
		return -1;
	if (layers->mount_ns &&
	    nono_make_mounts(spec, layers, new_terminals, layers->pid_ns, err) < 0)
		return -1;
	return 0;
}

int nono_enter(const struct nono_spec *spec, struct nono_layers *layers, struct nono_error *err)
{
	return enter(spec, layers, true, err);
}

/* ---- the caller itself ---- */

/* Some distributions let anyone make a user namespace but do nothing in it. Who went in can't go
 * back: a child tries first. */
static bool user_namespace_works(const struct nono_layers *layers)
{
	if (access("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", F_OK) < 0)
		return true; /* no such restriction here */
	pid_t pid = fork();
	if (pid < 0)
		return false;
	if (pid == 0)
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && map_ids(layers, NULL) == 0 ? 0
											      : 1);
	int status = 1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int nono_unshare(const struct nono_spec *spec, struct nono_layers *layers, struct nono_error *err)
{
	if (spec->namespaces == NONO_SKIP) {
		note(layers, 0, "switched off");
		return 0;
	}
	const unsigned long flags = wanted(spec, false);
	if ((flags & CLONE_NEWUSER) && !can_map_itself())
		return do_without(spec, layers, EPERM, root_why, err);

	note(layers, flags, NULL);
	int code = 0;
	if ((flags & CLONE_NEWUSER) && !user_namespace_works(layers))
		code = EPERM;
	else if (unshare((int)flags) < 0)
		code = errno;
	if (code != 0)
		return do_without(spec, layers, code, refusal(code), err);
	/* The terminal is the caller's: its devpts stays. */
	return enter(spec, layers, false, err);
}
