/* Who asks, and what the policy says to it. */
#include <poll.h>

#include "sessions/tool_run.h"
#include "sessions/tree.h"

#define ANCESTORS_MAX 256

/* ---- the caller -------------------------------------------------------------------------------
 */

/* The program whose tree this process is the root of: the agent's, or that of a tool that runs. */
static const char *owner_at(const struct tools *t, const struct proc_stat *st)
{
	if (st->pid == t->init_pid)
		return COMMAND_SESSION;
	for (const struct run *r = t->runs; r; r = r->next)
		if (r->init_pid == st->pid && r->init_start == st->start_time)
			return r->verdict.command->name;
	return NULL;
}

/* Still there, and so is its number its own. */
static bool sender_lives(const struct run *r)
{
	struct pollfd p = {.fd = r->pidfd, .events = POLLIN};

	return r->pidfd >= 0 && poll(&p, 1, 0) == 0;
}

static const char *walk_up(const struct tools *t, pid_t pid)
{
	struct proc_stat st, parent;
	const char *owner = NULL;

	if (proc_stat_read(pid, &st) < 0)
		return NULL;
	for (int i = 0; i < ANCESTORS_MAX && !owner && st.ppid > 1; i++) {
		/* A parent is never younger: one that is has only the number. */
		if (proc_stat_read(st.ppid, &parent) < 0 || parent.start_time > st.start_time)
			return NULL;
		st = parent;
		owner = owner_at(t, &st);
	}
	return owner;
}

static const char *owner_of(const struct run *r)
{
	const char *owner = NULL;

	/* A parent that ends between two looks breaks the chain: that is looked at again. */
	for (int again = 0; again < 3 && !owner; again++)
		owner = walk_up(r->t, r->pid);
	return sender_lives(r) ? owner : NULL;
}

/* ---- the log ----------------------------------------------------------------------------------
 */

static pid_t parent_of(pid_t pid)
{
	struct proc_stat st;

	return proc_stat_read(pid, &st) < 0 ? 0 : st.ppid;
}

void run_log(struct run *r, bool allowed, bool ended, int code, const struct init_msg *m)
{
	const struct command_edge *e = r->verdict.edge;
	char *const none[] = {NULL};
	bool counted = e && (e->box.stream[0].max_bytes || e->box.stream[1].max_bytes ||
			     e->box.resources.max_output_bytes);
	struct audit_command_event ev = {
	    .command = r->call.name ? r->call.name : "",
	    .caller = r->caller,
	    .caller_is_command = r->caller[0] && !str_eq(r->caller, COMMAND_SESSION),
	    .reason = r->verdict.reason ? r->verdict.reason : "",
	    .stdio_mode = counted ? "counted" : "inherited",
	    .cwd = r->call.cwd ? r->call.cwd : "",
	    .allowed = allowed,
	    .caller_pid = parent_of(r->pid),
	    .shim_pid = r->pid,
	    .root_pid = r->t->init_pid,
	    .argv = r->argv ? r->argv : none,
	    .env = r->env ? r->env : r->call.env,
	    .ended = ended,
	    .exit_code = code,
	};

	for (size_t i = 0; m && e && counted && i < ARRAY_LEN(ev.stream); i++)
		ev.stream[i] = (struct audit_stream){
		    .total = m->stream[i].total,
		    .forwarded = m->stream[i].forwarded,
		    .max = e->box.stream[i].max_bytes,
		    .exceeded = m->stream[i].exceeded,
		    .on_limit = command_on_limit_name(e->box.stream[i].on_limit),
		};
	audit_emit_command(r->t->log, &ev);
}

/* ---- arguments ---------------------------------------------------------------------------------
 */

static void make_argv(struct run *r)
{
	const struct words *first = r->verdict.edge ? &r->verdict.edge->box.argv_prepend : NULL;
	size_t n = 0, k = 0;

	while (r->call.args[n])
		n++;
	r->argv = xcalloc(n + (first ? first->n : 0) + 2, sizeof(*r->argv));
	r->argv[k++] = xstrdup(r->call.name);
	for (size_t i = 0; first && i < first->n; i++)
		r->argv[k++] = xstrdup(first->v[i]);
	for (size_t i = 0; i < n; i++)
		r->argv[k++] = xstrdup(r->call.args[i]);
}

/* One word of a shell, so that a person sees where it ends. */
static void add_word(struct buf *b, const char *s)
{
	bool plain = *s && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_@%+=:,./-") == strlen(s);
	_cleanup_free_ char *shown = xcalloc(1, strlen(s) * 8 + 1);

	text_printable(shown, strlen(s) * 8 + 1, s, strlen(s));
	buf_adds(b, b->len ? " " : "");
	if (plain) {
		buf_adds(b, shown);
		return;
	}
	buf_addc(b, '\'');
	for (const char *p = shown; *p; p++) {
		if (*p == '\'')
			buf_adds(b, "'\\''");
		else
			buf_addc(b, *p);
	}
	buf_addc(b, '\'');
}

/* ---- a person's answer --------------------------------------------------------------------------
 */

static void make_key(struct run *r)
{
	buf_add(&r->key, r->caller, strlen(r->caller) + 1);
	buf_add(&r->key, r->call.cwd, strlen(r->call.cwd) + 1);
	for (size_t i = 0; r->argv[i] && r->key.len <= KEPT_BYTES; i++)
		buf_add(&r->key, r->argv[i], strlen(r->argv[i]) + 1);
}

const struct kept *tools_kept(const struct tools *t, const struct buf *key)
{
	for (size_t i = 0; i < t->n_kept && key->len <= KEPT_BYTES; i++) {
		const struct kept *k = &t->kept[i];
		if (k->key.len == key->len && memcmp(k->key.data, key->data, key->len) == 0)
			return k;
	}
	return NULL;
}

void tools_keep(struct tools *t, struct buf *key, bool allow)
{
	if (key->len > KEPT_BYTES || t->n_kept == KEPT_MAX || tools_kept(t, key))
		return;
	t->kept = xrealloc_array(t->kept, t->n_kept + 1, sizeof(*t->kept));
	t->kept[t->n_kept++] = (struct kept){.key = *key, .allow = allow};
	*key = (struct buf){0};
}

static void respond(struct run *r)
{
	const struct command_intercept *i = r->verdict.intercept;

	run_log(r, true, true, (int)i->exit_code, NULL);
	conn_reply(r, (int)i->exit_code, i->out, NULL);
}

/* Allowed, by the policy or a person. */
static void go_on(struct run *r)
{
	if (r->verdict.intercept && r->verdict.intercept->action == ACTION_RESPOND)
		respond(r);
	else
		run_start(r);
}

static void ask(struct run *r)
{
	_cleanup_(buf_free) struct buf line = {0};
	char program[4096], link[32], rule[512];
	const struct command_verdict *v = &r->verdict;
	struct err err = {0};
	struct tool_ask a = {
	    .cwd = r->call.cwd,
	    .program = program,
	    .rule = rule,
	    .reason = str_eq(v->reason, "approval_required") ? "" : v->reason,
	    .backend = v->backend ? v->backend : r->t->cfg.policy->commands->approvals.backend,
	    .pid = r->pid,
	    .timeout_s = v->timeout_s,
	};
	const struct kept *k;
	ssize_t n;

	make_key(r);
	k = tools_kept(r->t, &r->key);
	if (k && k->allow) {
		go_on(r);
		return;
	}
	if (k) {
		conn_refuse(r, "denied for this session", "denied for this session");
		return;
	}
	for (size_t i = 0; r->argv[i]; i++)
		add_word(&line, r->argv[i]);
	a.line = line.data;
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)parent_of(r->pid));
	n = readlink(link, program, sizeof(program) - 1);
	program[n > 0 ? n : 0] = '\0';
	snprintf(rule, sizeof(rule), "%s (command_policies.%s, from %s)", v->rule, v->command->name,
		 r->caller);
	r->state = RUN_ASKED;
	if (elevation_ask_tool(r->t->elevation, &a, r->id, &err) < 0) {
		r->state = RUN_STRINGS;
		conn_refuse(r, err.msg, err.msg);
	}
}

void tools_answered(struct tools *t, uint64_t cookie, bool granted, enum request_scope scope,
		    const char *why)
{
	struct run *r = t ? t->runs : NULL;

	while (r && r->id != cookie)
		r = r->next;
	if (!r || r->state != RUN_ASKED || t->ended)
		return;
	r->state = RUN_STRINGS;
	if (scope == SCOPE_SESSION)
		tools_keep(t, &r->key, granted);
	if (granted)
		go_on(r);
	else
		conn_refuse(r, why, why);
}

/* ---- all ----------------------------------------------------------------------------------------
 */

void run_decide(struct run *r)
{
	const struct command_call call = {r->call.name, r->caller, r->call.args, r->call.env};
	const char *owner = owner_of(r);
	const struct command_verdict *v = &r->verdict;

	if (!owner) {
		run_close(r); /* nobody of ours */
		return;
	}
	str_copy(r->caller, sizeof(r->caller), owner);
	policy_command_query(r->t->cfg.policy->commands, &call, &r->verdict);
	make_argv(r);
	if (r->call.cwd[0] != '/')
		conn_refuse(r, "no working directory", "the working directory has no path");
	else if (v->decision == COMMAND_DENY)
		conn_refuse(r, v->reason,
			    str_eq(v->reason, "command_policy_denied") ||
				    str_eq(v->reason, "command_policy_unavailable") ||
				    str_eq(v->reason, "command_not_policy_controlled")
				? v->details
				: v->reason);
	else if (v->decision == COMMAND_APPROVE)
		ask(r);
	else
		go_on(r);
}
