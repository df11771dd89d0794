/*
 * A capability manifest: rules that need nothing else, neither profile nor groups. What is written
 * (write.c) is the policy as it was resolved; reading it gives the same rules again.
 * Members of ours beside the format's: execute, workspace, kind (of grants), access, label, quiet
 * (of deny rules), bypass_protection, unix_sockets, environment, private_tmp, capability_elevation,
 * protect_autorun; of resources max_processes, cpu, wall_time; those of the network and of
 * credentials are named in their files.
 */
#include "common/document.h"
#include "policy/manifest/manifest.h"
#include "policy/resolve.h"
#include "policy/sources.h"

#define MANIFEST_MAX (8u << 20)
#define RULES_MAX    100000
#define ROUTES_MAX   256

int manifest_bad(struct manifest_reader *in, const struct doc *at, const char *what)
{
	return doc_error(in->d->label, at, in->r->err, "%s", what);
}

int manifest_check_map(struct manifest_reader *in, const struct doc *map, const char *members)
{
	if (!map)
		return 0;
	if (map->kind != DOC_MAP)
		return manifest_bad(in, map, "must be a map");
	doc_each(m, map)
	{
		const char *found = members;
		size_t n = strlen(m->name);

		/* An empty name is found everywhere, and for ever. */
		while (n && (found = strstr(found, m->name)) &&
		       !((found == members || found[-1] == ' ') && (found[n] == ' ' || !found[n])))
			found += n;
		if (!found || !n)
			return manifest_bad(in, m, "unknown member");
	}
	return 0;
}

/* clean: as it is written, of POLICY_PATH_MAX bytes. */
static char *path_of(struct manifest_reader *in, const struct doc *e, char *clean, bool *exists)
{
	const char *path = doc_text(e, "path");

	if (!path || path_clean(clean, POLICY_PATH_MAX, path) < 0) {
		manifest_bad(in, e, "needs a \"path\" that is absolute");
		return NULL;
	}
	return canon(in->r, clean, exists, NULL);
}

static int read_grant(struct manifest_reader *in, const struct doc *e)
{
	const char *access = doc_text(e, "access"), *type = doc_text(e, "type"),
		   *kind = doc_text(e, "kind");
	_cleanup_free_ char *path = NULL;
	char clean[POLICY_PATH_MAX];
	unsigned rights = 0, flags = 0;
	bool exists, is_file, workspace;

	if (manifest_check_map(in, e, "path access type execute workspace kind") < 0)
		return -1;
	if (str_eq(access, "read") || str_eq(access, "readwrite"))
		rights |= NONO_READ | (doc_flag(e, "execute", true) ? (unsigned)NONO_EXEC : 0);
	if (str_eq(access, "write") || str_eq(access, "readwrite"))
		rights |= NONO_WRITE;
	is_file = str_eq(type, "file");
	if (!rights || (!is_file && !str_eq(type, "directory")))
		return manifest_bad(in, e,
				    "needs \"access\" (read, write, readwrite) and \"type\" "
				    "(directory, file)");
	path = path_of(in, e, clean, &exists);
	if (!path)
		return -1;
	if (!exists && !(rights & NONO_WRITE) && !str_eq(kind, "pattern"))
		return 0;
	workspace = doc_flag(e, "workspace", (rights & NONO_WRITE) && !is_file && !kind);
	flags = (is_file ? GRANT_FILE : 0) | (exists ? 0 : GRANT_MISSING) |
		(workspace && in->r->p->protect_workspace ? GRANT_WORKSPACE : 0);
	if (str_eq(kind, "pattern")) {
		const char *star = strchr(path_base(path), '*');

		if (!star || strchr(star + 1, '*') || !is_file)
			return manifest_bad(in, e, "a pattern is a file with one '*' in its name");
		flags = GRANT_FILE | GRANT_GLOB;
	} else if (str_eq(kind, "device")) {
		flags |= GRANT_DEVICE;
	} else if (str_eq(kind, "state")) {
		flags |= GRANT_STATE;
	} else if (kind) {
		return manifest_bad(in, e, "\"kind\" is pattern, device or state");
	}
	return add_grant(in->r, path, rights, flags, "manifest");
}

static int read_deny(struct manifest_reader *in, const struct doc *e)
{
	const char *access = doc_text(e, "access"), *label = doc_text(e, "label");
	const unsigned closed = str_eq(access, "write") ? (unsigned)NONO_WRITE : CLOSED;
	_cleanup_free_ char *path = NULL;
	char clean[POLICY_PATH_MAX];
	bool exists, quiet;

	if (manifest_check_map(in, e, "path access label quiet") < 0)
		return -1;
	if (access && !str_eq(access, "write") && !str_eq(access, "all"))
		return manifest_bad(in, e, "\"access\" of a deny rule is write or all");
	path = path_of(in, e, clean, &exists);
	if (!path)
		return -1;
	quiet = doc_flag(e, "quiet", false);
	add_deny(in->r, path, closed, "manifest", label, false, quiet);
	/* A link's own name is closed as well. */
	if (!str_eq(path, clean))
		add_deny(in->r, clean, closed, "manifest", label, false, quiet);
	return 0;
}

int manifest_each(struct manifest_reader *in, const struct doc *map, const char *name, size_t max,
		  int (*one)(struct manifest_reader *in, const struct doc *e))
{
	const struct doc *l = doc_get(map, name);

	if (!l || l->kind == DOC_NULL)
		return 0;
	if (l->kind != DOC_LIST)
		return manifest_bad(in, l, "must be a list");
	if (l->count > max)
		return manifest_bad(in, l, "has too many entries");
	doc_each(e, l)
	{
		if (one(in, e) < 0)
			return -1;
	}
	return 0;
}

static int read_strings(struct manifest_reader *in, const struct doc *map, const char *name,
			struct list *out)
{
	const struct doc *l = doc_get(map, name);

	if (l && l->kind != DOC_LIST)
		return manifest_bad(in, l, "must be a list of strings");
	doc_each(e, l)
	{
		if (e->kind != DOC_STRING || !*e->string)
			return manifest_bad(in, e, "must be a list of strings");
		list_add(out, e->string);
	}
	return 0;
}

static int read_filesystem(struct manifest_reader *in, const struct doc *fs)
{
	if (manifest_check_map(in, fs, "grants deny bypass_protection unix_sockets") < 0 ||
	    manifest_each(in, fs, "grants", RULES_MAX, read_grant) < 0 ||
	    manifest_each(in, fs, "deny", RULES_MAX, read_deny) < 0 ||
	    read_strings(in, fs, "bypass_protection", &in->r->bypass) < 0 ||
	    read_strings(in, fs, "unix_sockets", &in->r->sockets) < 0)
		return -1;
	for (size_t i = 0; i < in->r->sockets.n; i++) {
		const char *path = in->r->sockets.v[i];

		if (path[0] == '@')
			continue;
		if (path[0] != '/')
			return manifest_bad(
			    in, fs, "sockets are absolute paths, or @ and an abstract name");
		if (check_own(in->r, path, false) < 0)
			return -1;
	}
	return 0;
}

void manifest_beyond(struct manifest_reader *in, const struct doc *map, const char *name,
		     const char *called)
{
	const struct doc *v = doc_get(map, name);

	if (v && v->kind != DOC_NULL &&
	    !((v->kind == DOC_LIST || v->kind == DOC_MAP) && !v->count) &&
	    !(v->kind == DOC_BOOL && !v->boolean))
		list_add(&in->unenforced, called);
}

static int read_reach(struct manifest_reader *in, const struct doc *process, const char *name,
		      enum policy_reach *out)
{
	const struct doc *e = doc_get(process, name);

	if (!e)
		return 0;
	*out = (enum policy_reach)policy_reach_by_name(doc_text(process, name));
	return *out ? 0 : manifest_bad(in, e, "is isolated, allow_same_sandbox or allow_all");
}

static int read_ipc(struct manifest_reader *in, const struct doc *process, enum policy_ipc *out)
{
	const struct doc *e = doc_get(process, "ipc_mode");

	if (!e)
		return 0;
	*out = (enum policy_ipc)policy_ipc_by_name(doc_text(process, "ipc_mode"));
	return *out ? 0 : manifest_bad(in, e, "is shared_memory_only or full");
}

/* All are what a supervised run is, or less. */
static int check_strategy(struct manifest_reader *in, const struct doc *process)
{
	const struct doc *e = doc_get(process, "exec_strategy");
	const char *s = doc_text(process, "exec_strategy");

	if (!e || str_eq(s, "direct") || str_eq(s, "monitor") || str_eq(s, "supervised"))
		return 0;
	return manifest_bad(in, e, "is direct, monitor or supervised");
}

static int read_process(struct manifest_reader *in, const struct doc *process)
{
	struct list allowed = {0}, blocked = {0};
	struct policy_modes *modes = &in->r->p->modes;
	int r;

	if (manifest_check_map(in, process,
			       "allowed_commands blocked_commands signal_mode "
			       "process_info_mode ipc_mode exec_strategy") < 0)
		return -1;
	r = read_strings(in, process, "allowed_commands", &allowed) < 0 ||
		    read_strings(in, process, "blocked_commands", &blocked) < 0
		? -1
		: 0;
	in->r->p->allow_commands = list_steal(&allowed);
	in->r->p->block_commands = list_steal(&blocked);
	if (r < 0 || read_reach(in, process, "signal_mode", &modes->signals) < 0 ||
	    read_reach(in, process, "process_info_mode", &modes->processes) < 0 ||
	    read_ipc(in, process, &modes->ipc) < 0 || check_strategy(in, process) < 0)
		return -1;
	modes_unenforced(modes, &in->unenforced);
	return 0;
}

static int read_environment(struct manifest_reader *in, const struct doc *env)
{
	struct list allow = {0}, deny = {0}, set = {0};
	struct policy *p = in->r->p;
	int r = 0;

	if (manifest_check_map(in, env, "allow_vars deny_vars set_vars") < 0)
		return -1;
	if (read_strings(in, env, "allow_vars", &allow) < 0 ||
	    read_strings(in, env, "deny_vars", &deny) < 0)
		r = -1;
	doc_each(v, doc_get(env, "set_vars"))
	{
		_cleanup_free_ char *pair = NULL;

		if (v->kind != DOC_STRING || !v->name || !policy_env_settable(v->name) ||
		    strchr(v->name, '=')) {
			r = manifest_bad(in, v, "can't be set");
			break;
		}
		pair = xasprintf("%s=%s", v->name, v->string);
		list_add(&set, pair);
	}
	p->env_allow = list_steal(&allow);
	if (!p->env_allow && doc_get(env, "allow_vars"))
		p->env_allow = xcalloc(1, sizeof(char *));
	p->env_deny = list_steal(&deny);
	p->env_set = list_steal(&set);
	return r;
}

static int read_rollback(struct manifest_reader *in, const struct doc *rollback)
{
	struct list patterns = {0}, globs = {0};
	int r = read_strings(in, rollback, "exclude_patterns", &patterns);

	if (r == 0)
		r = read_strings(in, rollback, "exclude_globs", &globs);
	in->r->p->rollback_patterns = list_steal(&patterns);
	in->r->p->rollback_globs = list_steal(&globs);
	return r;
}

static int read_rest(struct manifest_reader *in, const struct doc *root)
{
	const struct doc *resources = doc_get(root, "resources"), *memory;
	const struct doc *rollback = doc_get(root, "rollback");
	struct policy_limits *limits = &in->r->p->limits;
	const struct {
		const char *name;
		char **to;
	} texts[] = {{"max_processes", &limits->max_processes},
		     {"cpu", &limits->cpu},
		     {"wall_time", &limits->wall_time}};
	struct err why = {0};

	if (manifest_check_map(in, resources, "memory_bytes max_processes cpu wall_time") < 0 ||
	    manifest_check_map(in, rollback, "enabled exclude_patterns exclude_globs") < 0)
		return -1;
	memory = doc_get(resources, "memory_bytes");
	if (memory && memory->kind != DOC_INT && memory->kind != DOC_NULL)
		return manifest_bad(in, memory, "must be a number of bytes");
	if (memory && memory->kind == DOC_INT)
		in->r->p->limits.memory = xasprintf("%lld", (long long)memory->integer);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const struct doc *v = doc_get(resources, texts[i].name);

		if (v && v->kind != DOC_STRING)
			return manifest_bad(in, v, "must be a text");
		if (v)
			*texts[i].to = xstrdup(v->string);
	}
	if (limits_parse(limits, NULL, &why) < 0)
		return manifest_bad(in, resources ? resources : root, why.msg);
	manifest_beyond(in, rollback, "enabled", "rollback.enabled (run it with --rollback)");
	return read_rollback(in, rollback);
}

static int read_manifest(struct manifest_reader *in)
{
	const struct doc *root = in->d->root;
	struct policy *p = in->r->p;

	if (root->kind != DOC_MAP || !doc_text(root, "version"))
		return manifest_bad(in, root, "not a capability manifest: \"version\" is missing");
	if (!str_eq(doc_text(root, "version"), MANIFEST_VERSION))
		return manifest_bad(in, doc_get(root, "version"),
				    "this version of manifests is not known; " MANIFEST_VERSION
				    " is");
	if (manifest_check_map(in, root,
			       "version $schema filesystem network credentials process rollback "
			       "resources environment private_tmp capability_elevation "
			       "protect_autorun") < 0)
		return -1;
	p->private_tmp = doc_flag(root, "private_tmp", true);
	p->elevation = doc_flag(root, "capability_elevation", false);
	p->protect_workspace = doc_flag(root, "protect_autorun", true);
	return read_filesystem(in, doc_get(root, "filesystem")) < 0 ||
		       manifest_read_network(in, doc_get(root, "network")) < 0 ||
		       manifest_each(in, root, "credentials", ROUTES_MAX,
				     manifest_read_credential) < 0 ||
		       read_process(in, doc_get(root, "process")) < 0 ||
		       read_environment(in, doc_get(root, "environment")) < 0
		   ? -1
		   : read_rest(in, root);
}

int manifest_apply(struct resolver *r, const char *file)
{
	_cleanup_(document_freep) struct document *d = NULL;
	_cleanup_free_ char *content = NULL;
	struct manifest_reader in = {.r = r};
	enum doc_format format = DOC_JSON;
	size_t n;
	int rc;

	content = file_read(file, MANIFEST_MAX, &n, r->err);
	if (!content)
		return err_prefix(r->err, "--config");
	(void)doc_format_of(file, &format);
	d = doc_read(content, n, format, file, r->err);
	if (!d)
		return -1;
	in.d = d;
	rc = read_manifest(&in);
	r->p->unenforced = list_steal(&in.unenforced);
	r->p->from_manifest = true;
	sources_take_text(r->p, file, content, n);
	return rc;
}
