/*
 * The notify thread: receives stopped calls and handles each at once, so that the program's thread
 * and this one take turns on one processor (SYNC_WAKE_UP).
 *
 * RECV blocks, and nothing but a signal ends that early. It fails with ENOENT when the caller went
 * away meanwhile; the end of all callers shows as POLLHUP.
 *
 * Sources: seccomp_unotify(2).
 */
#include "elevation/engine.h"

#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6 */
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS	   _IOW('!', 4, uint64_t)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

static bool nobody_left(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLNVAL)) && !(p.revents & POLLIN);
}

static void refuse(const struct elevation *e, uint64_t id)
{
	struct seccomp_notif_resp r = {.id = id, .error = -EACCES};

	(void)ioctl(e->notify_fd, SECCOMP_IOCTL_NOTIF_SEND, &r);
}

static void serve(struct elevation *e, const struct seccomp_notif *n, void *buffer)
{
	struct call *c = call_new(e);

	__atomic_add_fetch(&e->calls, 1, __ATOMIC_RELAXED);
	if (!c) {
		__atomic_add_fetch(&e->denied, 1, __ATOMIC_RELAXED);
		refuse(e, n->id);
		return;
	}
	c->id = n->id;
	c->tid = (pid_t)n->pid;
	c->nr = n->data.nr;
	for (size_t i = 0; i < ARRAY_LEN(c->args); i++)
		c->args[i] = n->data.args[i];
	c->received_ns = clock_mono_ns();
	if (c->tid <= 0) /* of a process that this namespace does not know */
		call_deny(e, c, EACCES);
	else
		call_handle(e, c, buffer);
}

void *notify_main(void *arg)
{
	struct elevation *e = arg;
	uint64_t flags = SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP;
	void *buffer = xcalloc(1, XATTR_BYTES_MAX);
	struct seccomp_notif n;

	pthread_setname_np(pthread_self(), "nono: notify");
	/* Until e->thread is there. */
	pthread_mutex_lock(&e->pool_lock);
	pthread_mutex_unlock(&e->pool_lock);
	(void)ioctl(e->notify_fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, flags);
	rules_fill(e->rules, e->cfg.spec);
	closed_fill(e->closed);
	while (!__atomic_load_n(&e->stopping, __ATOMIC_RELAXED)) {
		memset(&n, 0, sizeof(n));
		if (ioctl(e->notify_fd, SECCOMP_IOCTL_NOTIF_RECV, &n) == 0) {
			serve(e, &n, buffer);
		} else if (errno != EINTR) {
			if (nobody_left(e->notify_fd))
				break;
			if (errno != ENOENT) { /* no memory: the call is still there */
				struct timespec ts = {.tv_nsec = 1000000};
				nanosleep(&ts, NULL);
			}
		}
	}
	free(buffer);
	return NULL;
}
