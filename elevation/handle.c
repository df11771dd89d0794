/* The way of a call: copied, found, decided, carried out. */
#include "elevation/engine.h"
#include "elevation/perform.h"

#include <fcntl.h>
#include <sys/syscall.h>

/* No question of rights: not even the log wants it, but that something was not there. */
static void answer_errno(struct elevation *e, struct call *c, int err)
{
	struct answer a = {.err = err, .fd = -1};

	call_answer(e, c, &a);
}

static void go_on(struct elevation *e, struct call *c)
{
	struct answer a = {.cont = true, .fd = -1};

	call_answer(e, c, &a);
}

static void set_umask(struct elevation *e, struct call *c)
{
	struct proc own, *p = proc_get(e, c->tid, &own);
	struct proc_numbers n;

	c->umask = 0777; /* unknown: for nobody */
	if (!p)
		return;
	if (process_numbers(p->dir, &n) == 0)
		c->umask = n.umask;
	proc_put(p, &own);
}

static bool makes_something(const struct call *c)
{
	switch (c->op) {
	case OP_OPEN:
		return (c->flags & O_CREAT) || (c->flags & O_TMPFILE) == O_TMPFILE;
	case OP_MKDIR:
	case OP_MKNOD:
	case OP_BIND:
		return true;
	default:
		return false;
	}
}

static void perform_now(struct elevation *e, struct call *c)
{
	struct answer a = {.fd = -1};

	if (!call_valid(e, c)) {
		call_done(e, c);
		return;
	}
	perform(e, c, &a);
	/* Nothing has happened yet when there is no descriptor for the file or the socket. */
	if ((c->op == OP_OPEN || c->op == OP_CONNECT) && a.err && view_spare(e, a.err))
		perform(e, c, &a);
	call_answer(e, c, &a);
}

static void perform_special(struct elevation *e, struct call *c)
{
	struct answer a = {.fd = -1};

	if (!call_valid(e, c)) {
		call_done(e, c);
		return;
	}
	special_perform(e, c, &a);
	if (a.err == EACCES)
		call_deny(e, c, EACCES);
	else
		call_answer(e, c, &a);
}

/* in_worker: it may take its time. */
static void carry_out(struct elevation *e, struct call *c, bool in_worker)
{
	if (makes_something(c))
		set_umask(e, c);
	if (in_worker || !perform_blocks(c))
		perform_now(e, c);
	else if (!workers_run(e, perform_now, c))
		call_deny(e, c, EACCES);
}

static void refuse(struct elevation *e, struct call *c, int err)
{
	if (err != EACCES || !requests_ask(e, c))
		call_deny(e, c, err);
}

/* ---- sockets ------------------------------------------------------------------------------------
 */

static void handle_connect(struct elevation *e, struct call *c, bool lifted, bool in_worker)
{
	/* A socket that is not there is no question of rights; only the request socket is reached
	 * by a name that means nothing in the program's view. */
	if (call_has_path(c) && (c->a.err || c->a.fd < 0) && !request_socket_named(e, c)) {
		answer_errno(e, c, c->a.err ? c->a.err : ENOENT);
		return;
	}
	switch (lifted ? CONNECT_ALLOWED : connect_decide(e, c)) {
	case CONNECT_ALLOWED:
		c->granted = lifted || c->granted;
		carry_out(e, c, in_worker);
		return;
	case CONNECT_ASK:
		refuse(e, c, EACCES);
		return;
	case CONNECT_DENIED:
		break;
	}
	call_deny(e, c, EACCES);
}

/* The socket of c is a stand-in for a datagram socket. */
static bool stands_in(struct elevation *e, const struct call *c)
{
	int err = 0;
	_cleanup_close_ int fd = socket_take(e, c, &err);

	return fd >= 0 && datagram_stands_in(e, fd);
}

static void deny_datagram(struct elevation *e, struct call *c, const char *rule)
{
	connect_refuse(c, rule);
	call_deny(e, c, EACCES);
}

/* What concerns datagram sockets only; true: it is answered. */
static bool handle_datagram(struct elevation *e, struct call *c)
{
	const bool is_unix =
	    c->addr_len >= sizeof(c->addr.ss_family) && c->addr.ss_family == AF_UNIX;

	if (c->op == OP_SOCKET && (datagram_wanted(e) || c->nr == SYS_socketpair)) {
		connect_allow(c, "system");
		perform_now(e, c);
	} else if (c->op == OP_SOCKET) {
		deny_datagram(e, c, "a unix datagram socket needs a unix socket that is granted");
	} else if (call_sends(c) && (!is_unix || !stands_in(e, c))) {
		call_let_go(e, c); /* no other socket sends to a unix address of its choice */
	} else if (c->op == OP_BIND && is_unix && !call_has_path(c) && !datagram_may_bind(e, c) &&
		   stands_in(e, c)) {
		deny_datagram(e, c, "an abstract name of the host's is not granted");
	} else {
		return false;
	}
	return true;
}

/* ---- all ----------------------------------------------------------------------------------------
 */

static void act(struct elevation *e, struct call *c, bool lifted, bool in_worker)
{
	int err = EACCES;

	if (handle_datagram(e, c))
		return;
	if (c->op == OP_CONNECT) {
		handle_connect(e, c, lifted, in_worker);
		return;
	}
	if ((c->op == OP_BIND || c->op == OP_LISTEN) && !call_has_path(c)) {
		/* A name for oneself: only a port of the host's network is for others, too. */
		if (inet_decide_bind(e, c) == CONNECT_DENIED)
			call_deny(e, c, EACCES);
		else
			carry_out(e, c, in_worker);
		return;
	}
	switch (decide(e, c, lifted, &err)) {
	case DECIDED_CONTINUE:
		if (c->op == OP_BIND)
			carry_out(e, c, in_worker);
		else
			go_on(e, c);
		return;
	case DECIDED_PERFORM:
		carry_out(e, c, in_worker);
		return;
	case DECIDED_SPECIAL:
		if (makes_something(c))
			set_umask(e, c);
		perform_special(e, c);
		return;
	case DECIDED_ERRNO:
		answer_errno(e, c, err);
		return;
	case DECIDED_DENY:
		if (lifted)
			call_deny(e, c, err);
		else
			refuse(e, c, err);
		return;
	}
	call_deny(e, c, EACCES);
}

static bool changes_directories(const struct call *c)
{
	switch (c->op) {
	case OP_RENAME:
	case OP_SYMLINK:
	case OP_UNLINK:
	case OP_RMDIR:
	case OP_LINK:
		return true;
	default:
		return false;
	}
}

static bool only_reads(const struct call *c)
{
	const int changes = O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);

	return c->op == OP_OPEN && ((c->flags & O_PATH) || !(c->flags & changes));
}

/* True if the kernel may judge it without more ado; it is answered then. */
static bool handle_quick(struct elevation *e, struct call *c, const struct proc *p,
			 const struct call_shape *s)
{
	struct quick q;
	struct answer a = {.cont = true, .fd = -1};

	if (!only_reads(c) || !quick_find(e, c, p, call_dirfd(c, s), call_follows(c), &q))
		return false;
	c->verdict = (struct policy_verdict){.allowed = true, .source = ""};
	c->access = c->flags & O_PATH ? 0 : NONO_READ;
	c->name = c->access ? "read" : "path";
	if (c->access && !decide_quick(e, c, &q, &c->verdict))
		return false;
	str_copy(c->a.path, sizeof(c->a.path), q.path);
	if (!q.exists)
		a.err = ENOENT;
	call_answer(e, c, &a);
	return true;
}

static bool identify(struct call *c, const struct proc *p)
{
	c->granted = c->waiting = c->verdict_of_b = false;
	c->access = c->access2 = 0;
	c->verdict = (struct policy_verdict){.source = ""};
	if (!p)
		return false;
	c->pid = p->pid;
	c->ppid = p->ppid;
	memcpy(c->program, p->program, strlen(p->program) + 1);
	return true;
}

void call_handle(struct elevation *e, struct call *c, void *buffer)
{
	const struct call_shape *s = call_shape(c->nr);
	struct proc own, *p = proc_get(e, c->tid, &own);
	int err;

	pointers_flush(e);
	c->pid = c->tid;
	c->ppid = 0;
	c->program[0] = '\0';
	c->op = s ? s->op : OP_OPEN;
	c->name = s ? s->name : "unknown";
	if (!identify(c, p) || !s) {
		call_deny(e, c, s ? EACCES : ENOSYS);
		return;
	}
	err = call_load(c, s, buffer);
	if (err) {
		answer_errno(e, c, err);
		return;
	}
	if (handle_quick(e, c, p, s))
		return;
	call_find(e, c, s);
	if (!call_valid(e, c)) {
		call_done(e, c);
		return;
	}
	if (changes_directories(c)) {
		quick_forget(e->quick);
		rules_forget(e->rules);
	}
	if (c->op == OP_EXEC && (p = proc_get(e, c->tid, &own)))
		proc_exec(e, p);
	act(e, c, false, false);
}

/* ---- after an answer
 * ----------------------------------------------------------------------------- */

/* What a person said yes to. */
struct agreed {
	char a[POLICY_PATH_MAX], b[POLICY_PATH_MAX];
	struct sockaddr_storage addr;
	socklen_t addr_len;
	unsigned access, access2;
};

static bool same(const struct call *c, const struct agreed *g)
{
	return str_eq(c->a.path, g->a) && str_eq(c->b.path, g->b) && c->access == g->access &&
	       c->access2 == g->access2 && c->addr_len == g->addr_len &&
	       memcmp(&c->addr, &g->addr, c->addr_len) == 0;
}

static bool look_again(struct elevation *e, struct call *c, void *buffer)
{
	const struct call_shape *s = call_shape(c->nr);
	struct agreed g = {.addr = c->addr, .addr_len = c->addr_len};

	g.access = c->access;
	g.access2 = c->access2;
	str_copy(g.a, sizeof(g.a), c->a.path);
	str_copy(g.b, sizeof(g.b), c->b.path);
	place_close(&c->a);
	place_close(&c->b);
	if (!s || call_load(c, s, buffer) != 0)
		return false;
	call_find(e, c, s);
	return same(c, &g);
}

/* Granted, and refused all the same: the log says at which step. */
static void deny_granted(struct elevation *e, struct call *c, const char *rule)
{
	c->verdict =
	    (struct policy_verdict){.reason = POLICY_NOT_GRANTED, .source = "system", .rule = rule};
	call_deny(e, c, EACCES);
}

void call_handle_granted(struct elevation *e, struct call *c)
{
	_cleanup_free_ void *buffer = c->op == OP_SETXATTR ? malloc(XATTR_BYTES_MAX) : NULL;

	if (!call_valid(e, c)) {
		call_done(e, c);
	} else if (!look_again(e, c, buffer)) {
		deny_granted(e, c, "no longer the call that was granted");
	} else {
		act(e, c, true, true);
	}
}

void call_resume(struct elevation *e, struct call *c, bool grant)
{
	if (!grant)
		call_deny(e, c, EACCES);
	else if (!workers_run(e, call_handle_granted, c))
		deny_granted(e, c, "granted, but no thread is free to carry it out");
}
