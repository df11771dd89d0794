/* What the log is told of calls. */
#include "elevation/engine.h"

#include <sys/syscall.h>

#define ARGS_MAX      32
#define HIDDEN	      "[REDACTED]"
#define ARG_BYTES_MAX 512

static enum audit_kind kind_of(enum call_op op)
{
	switch (op) {
	case OP_OPEN:
	case OP_WATCH:
		return AUDIT_OPEN;
	case OP_EXEC:
		return AUDIT_EXEC;
	case OP_CONNECT:
	case OP_BIND:
	case OP_LISTEN:
	case OP_SOCKET:
		return AUDIT_CONNECT;
	default:
		return AUDIT_CHANGE;
	}
}

static bool wanted(const struct elevation *e, const struct call *c, enum audit_decision d)
{
	if (d == AUDIT_DENIED || d == AUDIT_GRANTED)
		return true;
	if (c->by_descriptor && c->a.anonymous) /* a pipe, its own memory: nothing that is named */
		return false;
	switch (e->cfg.policy->audit_level) {
	case POLICY_AUDIT_ALL:
		return true;
	case POLICY_AUDIT_CHANGES:
		return c->op != OP_WATCH && (c->op != OP_OPEN || (c->access & NONO_WRITE));
	case POLICY_AUDIT_DECISIONS:
		break;
	}
	return false;
}

/* ---- arguments of an exec ----------------------------------------------------------------------
 */

struct arguments {
	char *v[ARGS_MAX + 1];
	char text[ARGS_MAX][ARG_BYTES_MAX];
};

static void read_arguments(const struct call *c, struct arguments *a)
{
	uint64_t at = c->args[c->nr == SYS_execveat ? 2 : 1], addr;
	size_t n = 0;

	for (; at && n < ARGS_MAX; at += sizeof(addr)) {
		ssize_t len;

		if (memory_read(c, at, &addr, sizeof(addr)) < 0 || !addr)
			break;
		len = memory_read_string(c, addr, a->text[n], ARG_BYTES_MAX);
		if (len < 0 && errno != ENAMETOOLONG)
			break;
		a->text[n][ARG_BYTES_MAX - 1] = '\0';
		a->v[n] = a->text[n];
		n++;
	}
	a->v[n] = NULL;
}

/* Secrets taken out, with blanks between. out: of this thread. */
static void exec_arguments(const struct audit_redaction *r, const struct call *c, struct buf *out)
{
	struct arguments a;

	read_arguments(c, &a);
	buf_clear(out);
	audit_redact_line(r, a.v, out);
	if (out->data)
		out->data[out->len] = '\0';
}

/* ---- events ------------------------------------------------------------------------------------
 */

void event_write(struct elevation *e, const struct call *c, enum audit_decision decision, int err)
{
	_cleanup_(buf_free) struct buf own = {0};
	struct buf *args = is_notify_thread(e) ? &e->exec_text : &own;
	char address[512];
	struct audit_event ev = {
	    .kind = kind_of(c->op),
	    .decision = decision,
	    .pid = c->pid,
	    .ppid = c->ppid,
	    .err = err,
	    .op = c->name,
	    .target = c->a.path,
	    .program = c->program[0] ? c->program : NULL,
	    .rule = c->verdict.rule,
	    .source = c->verdict.source && c->verdict.source[0] ? c->verdict.source : NULL,
	};

	if (!e->cfg.log || !wanted(e, c, decision))
		return;
	if (c->op == OP_EXEC && e->cfg.hide_arguments) {
		ev.target2 = HIDDEN;
		ev.target2_len = sizeof(HIDDEN) - 1;
	} else if (c->op == OP_EXEC) {
		exec_arguments(audit_log_redaction(e->cfg.log), c, args);
		ev.target2 = args->data;
		ev.target2_len = args->len;
	} else if (c->access2) {
		ev.target2 = c->b.path;
	} else if (c->op == OP_SYMLINK || c->op == OP_SETXATTR || c->op == OP_REMOVEXATTR) {
		ev.target2 = c->text;
	} else if (call_is_socket(c)) {
		address_text(c, address, sizeof(address));
		ev.target = address;
	}
	if (!ev.target[0])
		ev.target = c->a.asked;
	ev.target_len = strlen(ev.target);
	if (!ev.target_len) /* arguments that can't be read: nothing happened */
		return;
	if (ev.target2 && !ev.target2_len)
		ev.target2_len = strlen(ev.target2);
	ev.time_ns = clock_real_ns();
	audit_emit(e->cfg.log, &ev);
}

void event_changed(struct elevation *e)
{
	if (!__atomic_exchange_n(&e->changed, true, __ATOMIC_RELAXED))
		elevation_wake(e);
}
