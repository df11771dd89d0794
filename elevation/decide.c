/*
 * Who may do it, and who does it. Only what Landlock judges by itself may continue; all else that
 * is allowed the broker performs on what was found. Anything unclear is a denial.
 */
#include "elevation/engine.h"

#include <fcntl.h>

#define MAKES_FILE(flags) ((flags)&O_CREAT)

static const unsigned bits[] = {NONO_READ, NONO_WRITE, NONO_EXEC};

/* ---- no question of rights --------------------------------------------------------------------
 */

static int open_errno(const struct call *c)
{
	const struct place *p = &c->a;
	const bool tmpfile = (c->flags & O_TMPFILE) == O_TMPFILE;

	if (p->fd < 0)
		return !MAKES_FILE(c->flags) ? ENOENT : p->dir_only ? EISDIR : 0;
	if (MAKES_FILE(c->flags) && (c->flags & O_EXCL) && !tmpfile)
		return EEXIST;
	if (S_ISLNK(p->st.st_mode))
		return (c->flags & O_DIRECTORY) ? ENOTDIR : ELOOP;
	if (!S_ISDIR(p->st.st_mode))
		return (c->flags & O_DIRECTORY) || p->dir_only ? ENOTDIR : 0;
	return !tmpfile && ((c->access & NONO_WRITE) || MAKES_FILE(c->flags)) ? EISDIR : 0;
}

static int rename_errno(const struct call *c)
{
	if (c->a.fd < 0)
		return ENOENT;
	if (c->b.fd < 0)
		return c->flags & RENAME_EXCHANGE ? ENOENT : 0;
	return c->flags & RENAME_NOREPLACE ? EEXIST : 0;
}

/* What the kernel would say before it asks about rights. */
static int plain_errno(const struct call *c)
{
	if (c->a.err)
		return c->a.err;
	if (c->access2 && c->b.err)
		return c->b.err;
	switch (c->op) {
	case OP_OPEN:
		return open_errno(c);
	case OP_MKDIR:
	case OP_MKNOD:
	case OP_SYMLINK:
		return c->a.fd >= 0 ? EEXIST : 0;
	case OP_BIND:
		return c->a.fd >= 0 ? EADDRINUSE : 0;
	case OP_LINK:
		return c->a.fd < 0 ? ENOENT : c->b.fd >= 0 ? EEXIST : 0;
	case OP_RENAME:
		return rename_errno(c);
	default:
		return c->a.fd < 0 ? ENOENT : 0;
	}
}

enum decision decide_deny(struct call *c, int *err, const char *rule)
{
	c->verdict =
	    (struct policy_verdict){.reason = POLICY_NOT_GRANTED, .source = "system", .rule = rule};
	*err = EACCES;
	return DECIDED_DENY;
}

/* ---- paths -------------------------------------------------------------------------------------
 */

static bool allowed_at(const struct elevation *e, const struct place *p, unsigned access)
{
	struct policy_verdict v;

	policy_check(e->cfg.policy, p->path, access, p->fd < 0, &v);
	return v.allowed;
}

/* Under its new name a file must not be open to more than under the old one. */
static bool gains(const struct elevation *e, const struct place *from, const struct place *to)
{
	for (size_t i = 0; i < ARRAY_LEN(bits); i++)
		if (allowed_at(e, to, bits[i]) && !allowed_at(e, from, bits[i]))
			return true;
	return false;
}

static bool moves_into_workspace(const struct policy *p, const struct place *from,
				 const struct place *to)
{
	return from->fd >= 0 && S_ISDIR(from->st.st_mode) && !policy_workspace(p, from->path) &&
	       policy_workspace(p, to->path);
}

/* Like two file systems: programs copy then, file by file. */
static bool crosses(const struct elevation *e, const struct call *c)
{
	const struct policy *p = e->cfg.policy;

	if (c->op == OP_LINK)
		return !c->a.anonymous && gains(e, &c->a, &c->b);
	if (c->op != OP_RENAME)
		return false;
	if (gains(e, &c->a, &c->b) || moves_into_workspace(p, &c->a, &c->b))
		return true;
	return (c->flags & RENAME_EXCHANGE) &&
	       (gains(e, &c->b, &c->a) || moves_into_workspace(p, &c->b, &c->a));
}

/* Something denied lies below: moved away it would have another path. */
static const struct place *pinned(const struct elevation *e, const struct call *c)
{
	const struct policy *p = e->cfg.policy;

	if (c->op != OP_RENAME && c->op != OP_RMDIR && c->op != OP_UNLINK)
		return NULL;
	if (policy_pinned(p, c->a.path))
		return &c->a;
	return c->op == OP_RENAME && policy_pinned(p, c->b.path) ? &c->b : NULL;
}

static void ask_policy(const struct elevation *e, const struct call *c, const struct place *p,
		       unsigned access, struct policy_verdict *v)
{
	policy_check(e->cfg.policy, p->path, access, p->fd < 0, v);
	if (v->allowed && p->fd >= 0)
		closed_match(e->closed, p->path, &p->st, access, c->received_ns, v);
}

/* A denied path: what was decided for the session, or just now. */
static bool is_lifted(struct elevation *e, struct call *c, const struct place *p, unsigned access,
		      struct policy_verdict *v, bool lifted)
{
	enum standing s;

	if (!v->grantable)
		return false;
	s = lifted ? STANDING_ALLOW : standing_lookup(e->standing, p->path, access, v);
	if (s == STANDING_DENY)
		v->grantable = false; /* nobody is asked again */
	if (s != STANDING_ALLOW || c->op == OP_EXEC)
		return false;
	c->granted = true;
	return true;
}

static enum decision refuse(struct call *c, const struct policy_verdict *v, bool of_b, int *err)
{
	c->verdict = *v;
	c->verdict_of_b = of_b;
	*err = EACCES;
	return DECIDED_DENY;
}

/* What the policy says of both paths. DECIDED_CONTINUE: allowed. */
static enum decision ask_both(struct elevation *e, struct call *c, bool lifted, int *err)
{
	const bool both = c->access2 != 0;
	struct policy_verdict va = {.allowed = true}, vb = {.allowed = true};
	bool protected_a, protected_b;

	/* The only object without a path that gets this far is a nameless file to be linked. */
	if (!c->a.anonymous)
		ask_policy(e, c, &c->a, c->access, &va);
	if (both)
		ask_policy(e, c, &c->b, c->access2, &vb);
	protected_a = !va.allowed && va.reason == POLICY_PROTECTED_PATH;
	protected_b = !vb.allowed && vb.reason == POLICY_PROTECTED_PATH;
	if ((va.allowed || protected_a) && (vb.allowed || protected_b) &&
	    (protected_a || protected_b)) {
		c->verdict = protected_a ? va : vb;
		c->verdict_of_b = !protected_a;
		if (special_harmless(e, c))
			return DECIDED_SPECIAL;
	}
	if (!va.allowed && !is_lifted(e, c, &c->a, c->access, &va, lifted))
		return refuse(c, &va, false, err);
	if (!vb.allowed && !is_lifted(e, c, &c->b, c->access2, &vb, lifted))
		return refuse(c, &vb, true, err);
	c->verdict = va.allowed && both && vb.route == POLICY_BROKER ? vb : va;
	c->verdict_of_b = false;
	if (!va.allowed || va.route == POLICY_BROKER || !vb.allowed ||
	    (both && vb.route == POLICY_BROKER))
		return DECIDED_PERFORM;
	return DECIDED_CONTINUE;
}

/* Landlock knows nothing of these. */
static bool kernel_judges(const struct call *c)
{
	switch (c->op) {
	case OP_CONNECT:
	case OP_RENAME: /* of sockets it knows nothing, and others' sockets must stay where they are
			 */
	case OP_LINK:
	case OP_CHMOD:
	case OP_CHOWN:
	case OP_UTIMES:
	case OP_SETXATTR:
	case OP_REMOVEXATTR:
	case OP_WATCH:
		return false;
	default:
		return true;
	}
}

/* The number in /proc/PID/..., and what follows it; 0 if path is none. */
static pid_t proc_pid(const char *path, const char **rest)
{
	char *end;
	long pid;

	if (strncmp(path, "/proc/", 6) != 0 || path[6] < '0' || path[6] > '9')
		return 0;
	pid = strtol(path + 6, &end, 10);
	*rest = end;
	return pid > 0 && pid < INT_MAX ? (pid_t)pid : -1;
}

/* The kernel compares who opens it with PID, and the broker may look into more than the program. It
 * opens there for the program only what is the program's own. */
static bool foreign_process(struct elevation *e, const struct call *c)
{
	const char *rest;
	const pid_t pid = proc_pid(c->a.path, &rest);
	struct proc own, *p = pid ? proc_get(e, c->tid, &own) : NULL;
	bool foreign = pid && (!p || pid != p->ns_pid);

	if (p)
		proc_put(p, &own);
	return foreign;
}

/* Of processes outside of the session (there are some to be seen without a pid namespace, and its
 * init) only what a list of processes shows. */
static bool outside_process(struct elevation *e, const struct call *c, const char *path)
{
	static const char *const shown[] = {"", "/stat", "/statm", "/status", "/cmdline", "/comm"};
	const char *rest = "";
	const pid_t pid = proc_pid(path, &rest);
	struct proc own, *p;
	bool outside;

	if (!pid)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(shown); i++)
		if (strcmp(rest, shown[i]) == 0)
			return false;
	p = proc_get(e, c->tid, &own);
	outside = !p || !view_process_inside(e, p, pid);
	if (p)
		proc_put(p, &own);
	return outside;
}

/* What a process may say about itself in /proc, and what matters to nobody else: JVMs and drivers
 * of graphics cards write there. Whose it is foreign_process() tells. */
static bool own_setting(const struct call *c)
{
	static const char *const settings[] = {"/comm", "/coredump_filter", "/timerslack_ns"};
	const char *rest;

	if (c->op != OP_OPEN || c->a.anonymous || c->a.fd < 0 || proc_pid(c->a.path, &rest) <= 0)
		return false;
	if (str_starts(rest, "/task/")) {
		rest += strlen("/task/");
		rest += strspn(rest, "0123456789");
	}
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (strcmp(rest, settings[i]) == 0)
			return true;
	return false;
}

/* Only the name in its folder counts. */
static bool about_name(const struct call *c)
{
	switch (c->op) {
	case OP_EXEC:
	case OP_TRUNCATE:
		return false;
	case OP_OPEN:
		return c->a.fd < 0;
	default:
		return true;
	}
}

/* A read of what q found will be allowed by the kernel. */
static bool kernel_reads(struct elevation *e, const struct quick *q, const struct policy_verdict *v)
{
	if (!rules_known(e->rules))
		return v->route == POLICY_KERNEL;
	return !q->exists || (q->given & NONO_READ) ||
	       (rules_of_object(e, q->path, &q->st) & NONO_READ);
}

/* Who does what the policy allows: the kernel's rules are about what was there at the start, and
 * about more than whole trees where those are spelled out around something closed. */
static enum decision settle(struct elevation *e, const struct call *c, enum decision d)
{
	const bool asked = d == DECIDED_PERFORM && !c->granted && c->verdict.allowed &&
			   !c->a.anonymous && c->op == OP_OPEN && c->access == NONO_READ;

	if (!rules_known(e->rules) || (d != DECIDED_CONTINUE && !asked))
		return d;
	return rules_allow(e, c, &c->a, c->access, !about_name(c)) ? DECIDED_CONTINUE
								   : DECIDED_PERFORM;
}

static enum decision decide_found(struct elevation *e, struct call *c, bool lifted, int *err)
{
	const struct place *pin;
	enum decision d;

	c->granted = false;
	c->verdict_of_b = false;
	c->verdict = (struct policy_verdict){.allowed = true, .source = ""};
	*err = plain_errno(c);
	if (*err)
		return DECIDED_ERRNO;
	if (c->op == OP_OPEN && (c->flags & O_PATH))
		return DECIDED_CONTINUE; /* shows no more than stat does */
	if (c->a.anonymous &&
	    closed_match(e->closed, c->a.path, &c->a.st, c->access, c->received_ns, &c->verdict))
		return refuse(c, &c->verdict, false, err);
	/* A nameless file (O_TMPFILE) gets its name; the kernel takes no other removed one. */
	if (c->a.anonymous &&
	    !(c->op == OP_LINK && S_ISREG(c->a.st.st_mode) && c->a.st.st_nlink == 0))
		return decide_anonymous(e, c, err);
	if (outside_process(e, c, c->a.path))
		return decide_deny(c, err, "another process");
	pin = pinned(e, c);
	if (pin) {
		c->verdict_of_b = pin == &c->b;
		c->verdict = (struct policy_verdict){.reason = POLICY_PROTECTED_PATH,
						     .source = "system",
						     .rule = "folder of something closed"};
		*err = EACCES;
		return DECIDED_DENY;
	}
	if (c->op == OP_LINK && !c->a.anonymous && allowed_at(e, &c->a, NONO_READ) &&
	    !allowed_at(e, &c->a, NONO_WRITE) && allowed_at(e, &c->b, NONO_WRITE)) {
		*err = EXDEV;
		return DECIDED_ERRNO;
	}
	d = own_setting(c) && !foreign_process(e, c) ? DECIDED_PERFORM
						     : ask_both(e, c, lifted, err);
	if (d == DECIDED_DENY)
		return d;
	if (crosses(e, c)) {
		*err = EXDEV;
		return DECIDED_ERRNO;
	}
	if (d == DECIDED_CONTINUE && !kernel_judges(c))
		d = DECIDED_PERFORM;
	d = settle(e, c, d);
	if (d != DECIDED_CONTINUE && c->op == OP_EXEC)
		return decide_deny(c, err, RULE_NEW);
	if (d != DECIDED_CONTINUE && foreign_process(e, c))
		return decide_deny(c, err, "another process");
	if (c->op == OP_EXEC && interpreter_refused(e, c)) {
		*err = EACCES;
		return DECIDED_DENY;
	}
	return d;
}

enum decision decide(struct elevation *e, struct call *c, bool lifted, int *err)
{
	enum decision d = decide_found(e, c, lifted, err);

	if (d == DECIDED_DENY && c->by_descriptor && decide_writes_to(e, c)) {
		c->verdict = (struct policy_verdict){.allowed = true, .source = ""};
		d = DECIDED_PERFORM;
	}
	if (d == DECIDED_PERFORM && decide_changes_device(c)) {
		c->granted = false;
		d = decide_deny(c, err, "device of the machine");
		*err = EPERM;
	}
	return d;
}

bool decide_quick(struct elevation *e, const struct call *c, const struct quick *q,
		  struct policy_verdict *v)
{
	policy_check(e->cfg.policy, q->path, NONO_READ, false, v);
	if (!v->allowed || outside_process(e, c, q->path) || !kernel_reads(e, q, v))
		return false;
	return !q->exists ||
	       !closed_match(e->closed, q->path, &q->st, NONO_READ, c->received_ns, v);
}
