/*
 * What a script is run by: the kernel asks for the right to execute that, too, and it is that which
 * a refusal is about. Only the log and the one who is asked gain by it, the kernel judges in any
 * case.
 *
 * Source: execve(2), "Interpreter scripts".
 */
#include "elevation/engine.h"
#include "elevation/perform.h"

#include <fcntl.h>
#include <sys/stat.h>

#define HEAD_MAX 256 /* the kernel reads no more */
#define DEEP_MAX 5   /* a script may be run by a script; the kernel gives up then */

/* The path after "#!"; false if the file is no script. */
static bool interpreter_of(int object, char out[HEAD_MAX + 1])
{
	char path[FD_PATH_MAX], head[HEAD_MAX + 1], *start;
	struct stat st;
	ssize_t n;

	/* To open a device may do something. */
	if (fstat(object, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	fd_path(path, object);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	n = fd < 0 ? -1 : pread(fd, head, HEAD_MAX, 0);
	if (n < 3 || head[0] != '#' || head[1] != '!')
		return false;
	head[n] = '\0';
	start = head + 2 + strspn(head + 2, " \t");
	start[strcspn(start, " \t\r\n")] = '\0';
	str_copy(out, HEAD_MAX + 1, start);
	return *start != '\0';
}

static bool executes(struct elevation *e, const struct call *c, const struct place *p,
		     struct policy_verdict *v)
{
	policy_check(e->cfg.policy, p->path, NONO_EXEC, false, v);
	if (!v->allowed || closed_match(e->closed, p->path, &p->st, NONO_EXEC, c->received_ns, v))
		return false;
	if (rules_known(e->rules) ? rules_allow(e, c, p, NONO_EXEC, true)
				  : v->route == POLICY_KERNEL)
		return true;
	*v = (struct policy_verdict){
	    .reason = POLICY_NOT_GRANTED, .source = "system", .rule = RULE_NEW};
	return false;
}

bool interpreter_refused(struct elevation *e, struct call *c)
{
	_cleanup_close_ int script = fcntl(c->a.fd, F_DUPFD_CLOEXEC, 3);
	struct policy_verdict v;
	struct place found;

	for (int deep = 0; deep < DEEP_MAX && script >= 0; deep++) {
		place_close(&c->b); /* an exec has no second path */
		place_init(&c->b);
		if (!interpreter_of(script, c->b.asked))
			return false;
		view_find(e, c, AT_FDCWD, true, false, &c->b);
		if (c->b.err || c->b.fd < 0 || c->b.anonymous || !S_ISREG(c->b.st.st_mode))
			return false; /* no question of rights */
		if (!executes(e, c, &c->b, &v)) {
			found = c->b;
			c->b = c->a;
			c->a = found;
			c->verdict = v;
			return true;
		}
		close(script);
		script = fcntl(c->b.fd, F_DUPFD_CLOEXEC, 3);
	}
	return false;
}
