/* The questions: may it, is it pinned, what is it. One walk down the tree of rules each. */
#include "policy/index.h"
#include "policy/special.h"

struct walk {
	unsigned granted;   /* union of the grants above and at the path */
	unsigned in_kernel; /* the part of it that the kernel's rules hold */
	unsigned denied;
	int32_t deny;	    /* the deny rule in force, -1 */
	int32_t labelled;   /* deepest deny rule with a label, also a lifted one */
	int32_t enough;	    /* deepest grant that suffices alone, -1 */
	int32_t any;	    /* deepest grant at all */
	int32_t exact;	    /* grant for this very file */
	const char *inside; /* the path below the innermost workspace, NULL = none */
	int32_t workspace;
	bool full; /* the whole path is in the tree: node is it */
	uint32_t node;
};

static bool glob_fits(const char *pattern_path, const char *name, size_t n)
{
	const char *pattern = strrchr(pattern_path, '/') + 1;
	const char *star = strchr(pattern, '*');
	size_t head = (size_t)(star - pattern), tail = strlen(star + 1);

	return n >= head + tail && memcmp(name, pattern, head) == 0 &&
	       memcmp(name + n - tail, star + 1, tail) == 0;
}

static void take_grant(struct walk *w, const struct policy *p, int32_t g, unsigned want,
		       bool kernel)
{
	const struct policy_grant *grant = &p->grants[g];

	w->granted |= grant->access;
	w->any = g;
	if ((grant->access & want) == want)
		w->enough = g;
	if (kernel && !grant->missing)
		w->in_kernel |=
		    grant->guarded ? grant->access & ~(unsigned)NONO_WRITE : grant->access;
}

static void visit(struct walk *w, const struct policy *p, uint32_t at, const char *rest,
		  unsigned want)
{
	const struct index_node *node = &p->index->nodes[at];
	const struct policy_grant *grant = node->grant >= 0 ? &p->grants[node->grant] : NULL;

	if (node->spine)
		w->in_kernel = 0;
	if (grant && (!grant->is_file || !*rest)) {
		/* A file that others may replace is found by its name only, not by the kernel's
		 * rule. */
		bool kernel = !node->spine &&
			      (!grant->is_file || grant->device || !(grant->access & NONO_WRITE));
		take_grant(w, p, node->grant, want, kernel);
		if (grant->is_file)
			w->exact = node->grant;
		if (grant->workspace && !grant->is_file) {
			w->inside = rest;
			w->workspace = node->grant;
		} else if (!grant->is_file && (grant->access & NONO_WRITE) && w->inside &&
			   p->grants[w->workspace].observed) {
			/* What the profile grants without that protection has none while it is
			 * observed either. */
			w->inside = NULL;
		}
	}
	if (node->bypass) {
		bool own = w->deny >= 0 && p->denies[w->deny].own;
		if (!own) {
			w->denied = 0;
			w->deny = -1;
		}
	}
	if (node->deny >= 0) {
		const struct policy_deny *d = &p->denies[node->deny];

		w->denied |= d->access;
		if ((d->access & want) && (w->deny < 0 || !p->denies[w->deny].own))
			w->deny = node->deny;
		if (d->label)
			w->labelled = node->deny;
	}
	if (node->shown && !*rest) {
		w->denied &= ~(unsigned)NONO_READ;
		if (!(w->denied & want))
			w->deny = -1;
	}
}

static void walk_path(struct walk *w, const struct policy *p, const char *path, unsigned want)
{
	const struct policy_index *ix = p->index;
	uint32_t at = INDEX_ROOT;

	*w = (struct walk){
	    .deny = -1, .labelled = -1, .enough = -1, .any = -1, .exact = -1, .workspace = -1};
	while (*path == '/')
		path++;
	visit(w, p, at, path, want);
	while (*path) {
		const char *s = path;
		size_t n;

		path = strchrnul(s, '/');
		n = (size_t)(path - s);
		if (!*path) /* the last component may match a pattern */
			for (int32_t g = ix->nodes[at].globs; g >= 0; g = ix->glob_next[g])
				if (glob_fits(p->grants[g].path, s, n)) {
					take_grant(w, p, g, want, false);
					w->exact = g;
				}
		while (*path == '/')
			path++;
		at = index_child(ix, at, s, n);
		if (at == UINT32_MAX)
			return;
		visit(w, p, at, path, want);
	}
	w->full = true;
	w->node = at;
}

static enum policy_special special_of(const struct policy *p, const struct walk *w)
{
	/* What was granted by its own name was meant. */
	if (!w->inside || (w->exact >= 0 && (p->grants[w->exact].access & NONO_WRITE)))
		return POLICY_SPECIAL_NONE;
	return special_match(special_root_of(p->grants[w->workspace].path), w->inside);
}

static void say_denied(const struct policy *p, const struct walk *w, struct policy_verdict *v)
{
	const struct policy_deny *d = &p->denies[w->deny];

	v->source = d->source;
	v->rule = d->path;
	v->grantable = !d->own && !d->quiet;
	if (d->own) {
		v->reason = POLICY_OWN_STATE;
	} else if (d->access == NONO_WRITE) {
		v->reason = POLICY_PROTECTED_PATH;
		v->special = POLICY_SPECIAL_AUTORUN;
	} else {
		v->reason = POLICY_SENSITIVE_PATH;
	}
}

/* Settings of the kernel and of processes, which some programs try at every start (the Java
 * machine: what a core dump holds): nobody is asked. */
static bool is_kernel_setting(const char *path)
{
	return path_under("/proc", path) || path_under("/sys", path);
}

static void say_not_granted(const struct policy *p, const struct walk *w, const char *path,
			    unsigned access, struct policy_verdict *v)
{
	v->reason = w->granted ? POLICY_INSUFFICIENT : POLICY_NOT_GRANTED;
	v->source = w->any >= 0 ? p->grants[w->any].source : "";
	v->rule = w->any >= 0 ? p->grants[w->any].path : NULL;
	/* A folder above what is granted: who looks into it must not be offered all of it. */
	v->grantable = !(w->full && p->index->nodes[w->node].children && !(access & NONO_WRITE) &&
			 !w->granted) &&
		       !((access & NONO_WRITE) && is_kernel_setting(path));
}

void policy_check(const struct policy *p, const char *path, unsigned access, bool create,
		  struct policy_verdict *v)
{
	struct walk w;

	*v = (struct policy_verdict){.route = POLICY_BROKER, .source = ""};
	if (path[0] != '/' || !access) { /* not a question that has an answer */
		v->reason = POLICY_NOT_GRANTED;
		return;
	}
	if ((access & NONO_EXEC) && p->n_no_exec && policy_no_exec(p, path)) {
		v->reason = POLICY_COMMAND;
		v->source = "profile";
		v->rule = "command_policies";
		return;
	}
	walk_path(&w, p, path, access);
	v->rule_access = w.any >= 0 ? p->grants[w.any].access : 0;
	if (w.denied & access) {
		say_denied(p, &w, v);
		return;
	}
	if ((w.granted & access) != access) {
		if (create && access == NONO_WRITE && w.full && p->index->nodes[w.node].makeable) {
			v->allowed = true;
			v->source = "system";
			return;
		}
		say_not_granted(p, &w, path, access, v);
		return;
	}
	if (w.enough < 0)
		w.enough = w.any;
	v->source = p->grants[w.enough].source;
	v->rule = p->grants[w.enough].path;
	if ((access & NONO_WRITE) && w.inside) {
		v->special = special_of(p, &w);
		if (v->special != POLICY_SPECIAL_NONE) {
			v->reason = POLICY_PROTECTED_PATH;
			v->source = "workspace";
			v->grantable = true;
			return;
		}
	}
	v->allowed = true;
	v->reason = POLICY_GRANTED_PATH;
	/* exec is judged by the kernel alone: nobody can do it for the program. */
	if ((w.in_kernel & access) == access || access == NONO_EXEC)
		v->route = POLICY_KERNEL;
}

enum policy_special policy_special(const struct policy *p, const char *path)
{
	struct walk w;

	walk_path(&w, p, path, NONO_WRITE);
	return special_of(p, &w);
}

bool policy_workspace(const struct policy *p, const char *path)
{
	struct walk w;

	walk_path(&w, p, path, NONO_WRITE);
	return w.inside != NULL;
}

bool policy_pinned(const struct policy *p, const char *path)
{
	uint32_t node = index_find(p->index, path);

	return node != UINT32_MAX && p->index->nodes[node].pinned;
}

const char *policy_sensitive_group(const struct policy *p, const char *path)
{
	struct walk w;

	walk_path(&w, p, path, NONO_READ);
	return w.labelled >= 0 ? p->denies[w.labelled].label : NULL;
}

bool policy_unix_socket(const struct policy *p, const char *path)
{
	for (size_t i = 0; i < p->n_unix_sockets; i++) {
		const char *s = p->unix_sockets[i];
		size_t n = strlen(s);
		bool below = str_ends(s, "/.."), direct = !below && str_ends(s, "/.");

		if (!below && !direct) {
			if (strcmp(s, path) == 0)
				return true;
			continue;
		}
		n -= below ? 2 : 1; /* with the slash */
		if (strncmp(s, path, n) == 0 && path[n] && (below || !strchr(path + n, '/')))
			return true;
	}
	return false;
}

const char *policy_reason_name(enum policy_reason r)
{
	static const char *const names[] = {
	    [POLICY_GRANTED_PATH] = "granted_path",
	    [POLICY_SENSITIVE_PATH] = "filesystem_deny",
	    [POLICY_PROTECTED_PATH] = "protected_path",
	    [POLICY_INSUFFICIENT] = "insufficient_access",
	    [POLICY_NOT_GRANTED] = "path_not_granted",
	    [POLICY_OWN_STATE] = "nono_state",
	    [POLICY_COMMAND] = "command_policy",
	};
	return names[r];
}
