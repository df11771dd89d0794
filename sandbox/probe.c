/* What the system gives: each thing is tried in a child that then ends. */
#include "sandbox/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define WAIT_KILLABLE_RECV (1U << 5)
#define NOTIF_SET_FLAGS	   _IOW('!', 4, uint64_t)
#define SYNC_WAKE_UP	   (1UL << 0)
#define ADDFD_FLAG_SEND	   (1UL << 1)

/* Lies in memory that children share. */
static void say(char why[NONO_MSG_MAX], const char *text)
{
	(void)snprintf(why, NONO_MSG_MAX, "%s", text);
}

static void await(pid_t pid)
{
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static bool opens(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0;
}

static const struct nono_path some[] = {{"/usr", NONO_READ}};

/* In a child. */
static void try_confine(struct nono_probe *p)
{
	const struct nono_spec spec = {
	    .paths = some, .n_paths = ARRAY_LEN(some), .namespaces = NONO_SKIP};
	struct nono_layers layers = {0};
	struct nono_error err = {0};
	int listener;

	if (nono_confine(&spec, &layers, &listener, &err) < 0) {
		say(p->confines_why, err.msg);
		return;
	}
	if (opens("/etc")) /* there is one everywhere, and all may read it */
		say(p->confines_why, "the kernel takes the rules, but does not hold them");
	else if (errno != EACCES || !opens("/usr"))
		say(p->confines_why, "the kernel refuses what was granted");
	else
		p->confines = true;
}

/* In a child. */
static void try_notify(struct nono_probe *p)
{
	const struct nono_spec spec = {.paths = some,
				       .n_paths = ARRAY_LEN(some),
				       .namespaces = NONO_SKIP,
				       .watch = NONO_WATCH_CHANGES};
	struct seccomp_notif_addfd addfd = {.flags = ADDFD_FLAG_SEND};
	struct nono_layers layers = {0};
	struct nono_error err = {0};
	int listener;

	if (nono_confine(&spec, &layers, &listener, &err) < 0 || listener < 0) {
		say(p->notify_why, err.msg[0] ? err.msg : "the kernel gives no notify descriptor");
		return;
	}
	p->notify = true;
	/* A flag that is known gets as far as the request, which there is none of. */
	addfd.srcfd = (uint32_t)listener;
	p->addfd_send = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd) < 0 && errno == ENOENT;
	p->sync_wake = ioctl(listener, NOTIF_SET_FLAGS, SYNC_WAKE_UP) == 0;
}

static void in_child(void (*try)(struct nono_probe *p), struct nono_probe *p,
		     char why[NONO_MSG_MAX])
{
	pid_t pid;

	say(why, "");
	pid = fork();
	if (pid == 0) {
		try(p);
		_exit(0);
	}
	await(pid);
	if (pid < 0)
		say(why, "can't fork");
}

static void try_namespaces(struct nono_probe *p)
{
	struct nono_spec spec = {.net = NONO_NET_OFF, .namespaces = NONO_REQUIRE};
	struct nono_layers *l = &p->layers;

	for (int i = 0; i < 2 && !p->namespaces; i++) {
		struct nono_error err = {0};
		pid_t pid = nono_fork(&spec, l, &err);

		if (pid < 0) {
			say(p->namespaces_why, err.msg);
			return;
		}
		if (pid == 0) { /* l is the parent's as well */
			if (nono_enter(&spec, l, &err) == 0)
				p->namespaces = true;
			else
				say(p->namespaces_why, err.msg);
			_exit(0);
		}
		await(pid);
		if (!p->namespaces && !l->proc_refused)
			return;
		spec.no_pid_namespace = true;
	}
}

void nono_probe(struct nono_probe *out)
{
	struct nono_probe *p =
	    mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	memset(out, 0, sizeof(*out));
	out->landlock_abi = nono_landlock_abi();
	if (p == MAP_FAILED) {
		say(out->confines_why, "no memory");
		return;
	}
	p->landlock_abi = out->landlock_abi;
	in_child(try_confine, p, p->confines_why);
	in_child(try_notify, p, p->notify_why);
	try_namespaces(p);
	/* A filter that is not there: an unknown flag is noticed before that. */
	p->wait_killable =
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    SECCOMP_FILTER_FLAG_NEW_LISTENER | WAIT_KILLABLE_RECV, NULL) < 0 &&
	    errno == EFAULT;
	if (!p->confines && !p->confines_why[0])
		say(p->confines_why, "the child that tried it was killed");
	if (!p->notify && !p->notify_why[0])
		say(p->notify_why, "the child that tried it was killed");
	*out = *p;
	(void)munmap(p, sizeof(*p));
}
