/* From the resolved rules to what libnono takes: kernel rules, covers, what stops at the broker. */
#include <limits.h>
#include <sys/stat.h>

#include "policy/dir_names.h"
#include "policy/spec.h"
#include "policy/special.h"

void spec_warn(struct policy_spec *s, char *text)
{
	size_t n = 0;

	while (s->warnings && s->warnings[n])
		n++;
	s->warnings = xrealloc_array(s->warnings, n + 2, sizeof(*s->warnings));
	s->warnings[n] = text;
	s->warnings[n + 1] = NULL;
}

static void add_mount(struct policy_spec *s, enum nono_mount_kind kind, const char *path)
{
	s->mounts = xrealloc_array(s->mounts, s->n_mounts + 1, sizeof(*s->mounts));
	s->mounts[s->n_mounts++] = (struct nono_mount){.kind = kind, .path = xstrdup(path)};
}

/* There, and by this name: no link anywhere in it. */
static bool is_there(const char *path)
{
	_cleanup_free_ char *real = realpath(path, NULL);

	return real && strcmp(real, path) == 0;
}

static bool in_granted_tree(const struct policy *p, const char *path)
{
	const struct policy_index *ix = p->index;
	uint32_t at = index_find(ix, path);

	while (at != UINT32_MAX && at != INDEX_ROOT) {
		at = ix->nodes[at].parent;
		int32_t g = ix->nodes[at].grant;
		if (g >= 0 && !p->grants[g].is_file)
			return true;
	}
	return false;
}

static bool holds_bypass(const struct policy *p, const char *path)
{
	for (char **b = p->bypasses; b && *b; b++)
		if (path_under(path, *b))
			return true;
	return false;
}

/* Closed paths inside allowed trees are covered, so that not even their names are seen. Not what a
 * person may still grant: the broker works in the program's view. Not the runtime directory, the
 * request socket is in it. */
static void cover_closed(struct policy_spec *s)
{
	const struct policy *p = s->p;
	_cleanup_free_ char *runtime = dir_runtime();

	for (size_t i = 0; i < p->n_denies; i++) {
		const struct policy_deny *d = &p->denies[i];

		if (!(d->access & NONO_READ) || (s->supervised && !d->own) ||
		    strcmp(d->path, runtime) == 0 || !in_granted_tree(p, d->path) ||
		    holds_bypass(p, d->path) || !is_there(d->path))
			continue;
		add_mount(s, NONO_MOUNT_HIDE, d->path);
	}
}

struct workspace {
	struct policy_spec *s;
	const char *path;
	const struct dir_names *names; /* what is in it; NULL: unknown */
};

/* Dozens of names are looked for in each workspace, most in vain: the listing knows. */
static bool may_be_there(const struct workspace *w, const char *name)
{
	char first[NAME_MAX + 1];
	size_t n = strcspn(name, "/");

	if (!w->names || n >= sizeof(first))
		return true;
	memcpy(first, name, n);
	first[n] = '\0';
	return dir_names_type(w->names, first) >= 0;
}

static void protect_one(void *data, const char *name)
{
	const struct workspace *w = data;
	char path[POLICY_PATH_MAX];

	if (may_be_there(w, name) && path_join(path, sizeof(path), w->path, name) == 0 &&
	    is_there(path))
		add_mount(w->s, NONO_MOUNT_READ_ONLY, path);
}

/* Without a broker: the auto-run files that are there are mounted read-only. */
static void protect_workspaces(struct policy_spec *s)
{
	bool any = false;

	for (size_t i = 0; i < s->p->n_grants; i++) {
		const struct policy_grant *g = &s->p->grants[i];
		struct dir_names *names;

		if (!g->workspace || g->is_file)
			continue;
		any = true;
		if (s->p->namespaces == NONO_SKIP || g->missing)
			continue;
		names = dir_names_read(g->path);
		special_each(protect_one, &(struct workspace){s, g->path, names});
		dir_names_free(names);
	}
	if (any)
		spec_warn(s, xstrdup("without a supervisor files that run later (git hooks, "
				     "settings) are protected only where they exist at the start, "
				     "at the top of a workspace, and in a mount namespace: \"nono "
				     "run\" protects all"));
}

static void warn_unsupervised(struct policy_spec *s)
{
	_cleanup_(buf_free) struct buf lost = {0};

	for (size_t i = 0; i < s->p->n_grants; i++) {
		const struct policy_grant *g = &s->p->grants[i];
		if (g->glob || (g->missing && !g->listing))
			buf_addf(&lost, "%s %s", lost.len ? "," : "", g->path);
	}
	if (lost.len)
		spec_warn(s, xasprintf("without a supervisor, grants of name patterns and of what "
				       "does not exist yet have no effect:%s",
				       lost.data));
}

/* Reads that only the broker can do: then every open must stop at it. */
static bool broker_reads(const struct policy *p)
{
	for (size_t i = 0; i < p->n_grants; i++) {
		const struct policy_grant *g = &p->grants[i];

		/* The names in a folder alone are not worth a stop of every open. */
		if (!(g->access & NONO_READ) || g->listing)
			continue;
		if (g->carved || g->glob || g->missing ||
		    (g->is_file && !g->device && (g->access & NONO_WRITE)))
			return true;
	}
	return false;
}

static enum nono_watch watch_level(const struct policy *p)
{
	if (p->elevation || p->audit_level == POLICY_AUDIT_ALL || broker_reads(p))
		return NONO_WATCH_ALL;
	return NONO_WATCH_CHANGES;
}

static void bind_own_file(struct policy_spec *s, const char *path, const char *file)
{
	add_mount(s, NONO_MOUNT_BIND, path);
	s->mounts[s->n_mounts - 1].source = file;
	add_mount(s, NONO_MOUNT_READ_ONLY, path);
}

/* Others' shared memory lies in /dev/shm: the session has one of its own, unless more is granted
 * there than what every program gets. */
static bool own_shm(const struct policy *p)
{
	for (size_t i = 0; i < p->n_grants; i++)
		if (path_under("/dev/shm", p->grants[i].path) &&
		    !str_starts(p->grants[i].source, "group:"))
			return false;
	return p->namespaces != NONO_SKIP;
}

/* Where the program may write what it forgets. */
static void add_tmp(struct policy_spec *s, const char *tmp)
{
	static const char *const over[] = {"/tmp", "/var/tmp"};
	const unsigned access = NONO_READ | NONO_WRITE | NONO_EXEC;
	struct stat st;

	spec_add_path(s, tmp, access);
	if (!s->p->private_tmp || s->p->namespaces == NONO_SKIP)
		return;
	s->spec.private_tmp = tmp;
	/* A link is not mounted over (it leads to the other one). */
	for (size_t i = 0; i < ARRAY_LEN(over); i++)
		if (lstat(over[i], &st) == 0 && S_ISDIR(st.st_mode))
			spec_add_path(s, over[i], access);
	if (s->p->cap_in_tmp)
		bind_own_file(s, POLICY_CAP_IN_TMP, s->p->cap_file);
	if (s->p->cap_in_tmp && s->p->ca_file)
		bind_own_file(s, POLICY_CA_IN_TMP, s->p->ca_file);
}

static void add_ports(struct policy_spec *s, const struct policy_ports *ports, bool bind)
{
	for (size_t i = 0; i < ports->n; i++) {
		s->ports = xrealloc_array(s->ports, s->n_ports + 1, sizeof(*s->ports));
		s->ports[s->n_ports++] =
		    (struct nono_port){ports->v[i].first, ports->v[i].last, bind};
	}
}

static void set_network(struct policy_spec *s)
{
	const struct policy_network *n = &s->p->network;
	bool host = policy_network_needs_host(n);

	if (!s->p->net_blocked && n->mode != POLICY_NET_NAMES)
		return;
	s->spec.net = s->p->net_blocked && !host ? NONO_NET_OFF : NONO_NET_PORTS;
	s->spec.share_network = host;
	add_ports(s, &n->open, false);
	add_ports(s, &n->open, true);
	add_ports(s, &n->listen, true);
	add_ports(s, &n->connect, false);
	s->spec.ports = s->ports;
	s->spec.n_ports = s->n_ports;
}

int policy_spec_new(const struct policy *p, bool supervised, const char *tmp,
		    struct policy_spec **out, struct err *err)
{
	struct policy_spec *s;

	*out = NULL;
	if (supervised && !tmp)
		return err_set(err, "a supervised session needs a temporary directory");
	s = xcalloc(1, sizeof(*s));
	s->p = p;
	s->supervised = supervised;
	set_network(s);
	s->spec.namespaces = p->namespaces;
	s->spec.fresh_shm = own_shm(p);
	s->spec.no_pid_namespace = p->modes.processes == POLICY_REACH_ALL;
	s->spec.shared_memory_only = p->modes.ipc == POLICY_IPC_SHARED_MEMORY;
	s->spec.watch = supervised ? watch_level(p) : NONO_WATCH_NONE;
	s->spec.unix_datagrams = supervised && (p->n_unix_sockets || p->elevation);
	spec_paths(s);
	if (p->n_no_exec)
		spec_no_exec(s);
	if (tmp) {
		s->tmp = xstrdup(tmp);
		add_tmp(s, s->tmp);
	}
	if (p->namespaces != NONO_SKIP)
		cover_closed(s);
	if (!supervised) {
		protect_workspaces(s);
		warn_unsupervised(s);
	}
	if (s->cut)
		spec_warn(s, xstrdup("a folder beside a closed path has too many entries: what is "
				     "in it can't all be executed, and is read more slowly"));
	s->spec.paths = s->paths;
	s->spec.n_paths = s->n_paths;
	s->spec.mounts = s->mounts;
	s->spec.n_mounts = s->n_mounts;
	*out = s;
	return 0;
}

const struct nono_spec *policy_spec_get(const struct policy_spec *s)
{
	return &s->spec;
}

const struct policy_identity *policy_spec_identities(const struct policy_spec *s)
{
	return s->ids;
}

char *const *policy_spec_warnings(const struct policy_spec *s)
{
	static char *const none[] = {NULL};

	return s->warnings ? s->warnings : none;
}

void policy_spec_free(struct policy_spec *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_paths; i++)
		free((char *)(uintptr_t)s->paths[i].path);
	for (size_t i = 0; i < s->n_mounts; i++)
		free((char *)(uintptr_t)s->mounts[i].path);
	free(s->paths);
	free(s->ids);
	free(s->mounts);
	free(s->ports);
	free(s->tmp);
	strv_free(s->warnings);
	free(s);
}
