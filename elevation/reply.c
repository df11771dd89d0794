/*
 * Answers to stopped calls. An answer that can't be given means that the caller is gone, or that it
 * gets an error: never that its call goes on.
 *
 * Sources: seccomp_unotify(2).
 */
#include "elevation/engine.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>

#ifndef SECCOMP_ADDFD_FLAG_SETFD
#define SECCOMP_ADDFD_FLAG_SETFD (1UL << 0)
#endif
#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif

bool call_valid(const struct elevation *e, const struct call *c)
{
	return !__atomic_load_n(&e->stopping, __ATOMIC_RELAXED) &&
	       ioctl(e->notify_fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &c->id) == 0;
}

/* 0, or -1: nobody waits for it any more. */
static int send_answer(const struct elevation *e, uint64_t id, int64_t val, int err, uint32_t flags)
{
	struct seccomp_notif_resp r = {.id = id, .val = val, .error = -err, .flags = flags};

	while (ioctl(e->notify_fd, SECCOMP_IOCTL_NOTIF_SEND, &r) < 0)
		if (errno != EINTR)
			return -1;
	return 0;
}

static void send_descriptor(const struct elevation *e, uint64_t id, int fd, bool cloexec)
{
	struct seccomp_notif_addfd a = {
	    .id = id,
	    .flags = SECCOMP_ADDFD_FLAG_SEND,
	    .srcfd = (uint32_t)fd,
	    .newfd_flags = cloexec ? O_CLOEXEC : 0,
	};
	int err;

	while (ioctl(e->notify_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a) < 0) {
		if (errno == EINTR)
			continue;
		err = errno;
		/* Most likely the program's table is full. */
		send_answer(e, id, 0, err == EMFILE ? EMFILE : EACCES, 0);
		return;
	}
}

int call_give(const struct elevation *e, const struct call *c, int fd, bool cloexec)
{
	struct seccomp_notif_addfd a = {
	    .id = c->id,
	    .srcfd = (uint32_t)fd,
	    .newfd_flags = cloexec ? O_CLOEXEC : 0,
	};
	int r;

	do {
		r = ioctl(e->notify_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a);
	} while (r < 0 && errno == EINTR);
	return r;
}

/* The program's number means fd from here on; the call then succeeds. */
static void put_in_place(const struct elevation *e, const struct call *c, const struct answer *a)
{
	struct seccomp_notif_addfd f = {
	    .id = c->id,
	    .flags = SECCOMP_ADDFD_FLAG_SETFD,
	    .srcfd = (uint32_t)a->fd,
	    .newfd = (uint32_t)c->sockfd,
	    .newfd_flags = a->cloexec ? O_CLOEXEC : 0,
	};
	int r;

	do {
		r = ioctl(e->notify_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &f);
	} while (r < 0 && errno == EINTR);
	send_answer(e, c->id, r < 0 ? 0 : a->val, r < 0 ? EACCES : 0, 0);
}

static void count(uint64_t *n)
{
	__atomic_add_fetch(n, 1, __ATOMIC_RELAXED);
}

void call_answer(struct elevation *e, struct call *c, struct answer *a)
{
	const enum audit_decision d = c->granted	 ? AUDIT_GRANTED
				      : a->err == ENOENT ? AUDIT_MISSING
							 : AUDIT_ALLOWED;

	if (a->cont && a->fd < 0 && !c->granted) {
		/* What was read of the program counts if its call waited until now. Its arguments
		 * are gone once an exec goes on. */
		if (c->op == OP_EXEC)
			event_write(e, c, d, 0);
		if (send_answer(e, c->id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE) == 0 &&
		    c->op != OP_EXEC)
			event_write(e, c, d, a->err);
		call_done(e, c);
		return;
	}
	if (c->granted) {
		count(&e->granted);
		event_changed(e);
	}
	event_write(e, c, d, a->err);
	if (a->cont)
		send_answer(e, c->id, 0, EACCES, 0);
	else if (a->err || a->fd < 0)
		send_answer(e, c->id, a->err ? 0 : a->val, a->err, 0);
	else if (a->in_place)
		put_in_place(e, c, a);
	else
		send_descriptor(e, c->id, a->fd, a->cloexec);
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	call_done(e, c);
}

void call_let_go(struct elevation *e, struct call *c)
{
	send_answer(e, c->id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
	call_done(e, c);
}

void call_deny(struct elevation *e, struct call *c, int err)
{
	const struct place *p = c->verdict_of_b ? &c->b : &c->a;
	const struct policy_verdict *v = &c->verdict;
	const char *target = p->path;
	char address[512];

	if (call_is_socket(c) && !call_has_path(c)) {
		address_text(c, address, sizeof(address));
		target = address;
	}
	c->granted = false;
	count(&e->denied);
	event_write(e, c, AUDIT_DENIED, err);
	violations_note(e->violations, target, c->name, c->verdict_of_b ? c->access2 : c->access,
			c->program, e->cfg.tool, v->rule ? v->rule : "", v->source ? v->source : "",
			v->grantable && e->cfg.policy->elevation, clock_real_ns());
	event_changed(e);
	if (e->cfg.session) {
		count(&e->cfg.session->denied);
		event_changed(e->cfg.session);
	}
	send_answer(e, c->id, 0, err, 0);
	call_done(e, c);
}
