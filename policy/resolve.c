/* From profile, groups and flags to one flat rule set. */
#include <sys/stat.h>

#include "policy/assets.h"
#include "policy/resolve.h"

#define RULES_STEP 64 /* grants and denies grow by */

static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261u;

	while (*s)
		h = (h ^ (unsigned char)*s++) * 16777619u;
	return h;
}

void add_warning(struct policy *p, char *text)
{
	size_t n = 0;

	while (p->warnings && p->warnings[n])
		n++;
	p->warnings = xrealloc_array(p->warnings, n + 2, sizeof(*p->warnings));
	p->warnings[n] = text;
	p->warnings[n + 1] = NULL;
}

/* ---- rules ------------------------------------------------------------- */

/* A grant inside nono's own files, or over state or configuration. What merely holds the runtime
 * directory (/tmp may) is fine: it is closed inside it. */
static int check_own(struct resolver *r, const char *path, bool is_file)
{
	for (size_t i = 0; i < ARRAY_LEN(r->own); i++)
		if (path_under(r->own[i], path) ||
		    (i < 2 && !is_file && path_under(path, r->own[i])))
			return err_set(r->err,
				       "the grant %s overlaps protected nono state root %s: an "
				       "agent must not reach what supervises it. Grant the project "
				       "and the folders it needs, not what lies above them",
				       path, r->own[i]);
	return 0;
}

int add_grant(struct resolver *r, const char *canonical, unsigned access, unsigned flags,
	      const char *source)
{
	struct policy *p = r->p;
	uint32_t h = hash(canonical);
	bool from_group = str_starts(source, "group:") || strcmp(source, "system") == 0;
	struct policy_grant *g;

	if (!from_group && check_own(r, canonical, flags & GRANT_FILE) < 0)
		return -1;
	for (size_t i = 0; i < p->n_grants; i++) {
		g = &p->grants[i];
		if (r->grant_hash[i] != h || strcmp(g->path, canonical) != 0)
			continue;
		/* A tree and a file of one name: the tree says more. */
		g->is_file = g->is_file && (flags & GRANT_FILE);
		g->workspace |= (flags & GRANT_WORKSPACE) != 0;
		g->access |= access;
		if (!from_group) {
			free(g->source);
			g->source = xstrdup(source);
		}
		return 0;
	}
	if (p->n_grants % RULES_STEP == 0) {
		size_t n = p->n_grants + RULES_STEP;
		p->grants = xrealloc_array(p->grants, n, sizeof(*p->grants));
		r->grant_hash = xrealloc_array(r->grant_hash, n, sizeof(*r->grant_hash));
	}
	r->grant_hash[p->n_grants] = h;
	p->grants[p->n_grants++] = (struct policy_grant){
	    .path = xstrdup(canonical),
	    .access = access,
	    .is_file = flags & GRANT_FILE,
	    .glob = flags & GRANT_GLOB,
	    .device = flags & GRANT_DEVICE,
	    .missing = flags & GRANT_MISSING,
	    .workspace = flags & GRANT_WORKSPACE,
	    .source = xstrdup(source),
	};
	return 0;
}

void add_deny(struct resolver *r, const char *canonical, unsigned access, const char *source,
	      const char *label, bool own, bool quiet)
{
	struct policy *p = r->p;
	uint32_t h = hash(canonical);

	for (size_t i = 0; i < p->n_denies; i++) {
		struct policy_deny *d = &p->denies[i];
		if (r->deny_hash[i] != h || strcmp(d->path, canonical) != 0)
			continue;
		d->access |= access;
		d->own |= own;
		d->quiet &= quiet;
		if (!d->label && label)
			d->label = xstrdup(label);
		return;
	}
	if (p->n_denies % RULES_STEP == 0) {
		size_t n = p->n_denies + RULES_STEP;
		p->denies = xrealloc_array(p->denies, n, sizeof(*p->denies));
		r->deny_hash = xrealloc_array(r->deny_hash, n, sizeof(*r->deny_hash));
	}
	r->deny_hash[p->n_denies] = h;
	p->denies[p->n_denies++] = (struct policy_deny){
	    .path = xstrdup(canonical),
	    .access = access,
	    .own = own,
	    .quiet = quiet,
	    .source = xstrdup(source),
	    .label = label ? xstrdup(label) : NULL,
	};
}

/* ---- profile ------------------------------------------------------------ */

static const struct {
	enum profile_fs list;
	unsigned access;
	bool file;
	bool workspace;
} grant_lists[] = {
    {FS_ALLOW, NONO_READ | NONO_WRITE | NONO_EXEC, false, true},
    {FS_READ, NONO_READ | NONO_EXEC, false, false},
    {FS_WRITE, NONO_WRITE, false, true},
    {FS_STATE, NONO_READ | NONO_WRITE | NONO_EXEC, false, false},
    {FS_ALLOW_FILE, NONO_READ | NONO_WRITE, true, false},
    {FS_READ_FILE, NONO_READ | NONO_EXEC, true, false},
    {FS_WRITE_FILE, NONO_WRITE, true, false},
};

static int profile_grant(struct resolver *r, const char *entry, size_t kind)
{
	unsigned access = grant_lists[kind].access, flags = 0;
	const char *who = profile_fs_names[grant_lists[kind].list];
	bool unset, exists, is_dir;
	_cleanup_free_ char *path = expand_path(r, entry, who, &unset);
	_cleanup_free_ char *real = NULL;
	const char *star = path ? strchr(path, '*') : NULL;

	if (!path)
		return unset ? 0 : -1;
	if (star) {
		if (!grant_lists[kind].file || strchr(star, '/') || strchr(star + 1, '*'))
			return err_set(r->err,
				       "%s: \"%s\": one '*' in the last component of a file is "
				       "all that is understood",
				       who, entry);
		real = canon(r, path, NULL, NULL);
		return add_grant(r, real, access, GRANT_FILE | GRANT_GLOB, "profile");
	}
	real = canon(r, path, &exists, &is_dir);
	if (!exists && !(access & NONO_WRITE))
		return 0;
	if (grant_lists[kind].file && is_dir)
		return err_set(r->err, "%s: \"%s\" is a directory", who, entry);
	if (grant_lists[kind].file || (exists && !is_dir))
		flags |= GRANT_FILE;
	if (!exists)
		flags |= GRANT_MISSING;
	if (grant_lists[kind].workspace && r->p->protect_workspace && !(flags & GRANT_FILE))
		flags |= GRANT_WORKSPACE;
	return add_grant(r, real, access, flags, "profile");
}

static int profile_denies(struct resolver *r, const struct list *l, unsigned access, bool quiet)
{
	for (size_t i = 0; i < l->n; i++) {
		bool unset, exists;
		_cleanup_free_ char *path = expand_path(r, l->v[i], "deny", &unset);
		_cleanup_free_ char *real = NULL;

		if (!path && unset)
			continue;
		if (!path)
			return -1;
		real = canon(r, path, &exists, NULL);
		add_deny(r, real, access, "profile", NULL, false, quiet);
		if (exists && strcmp(real, path) != 0)
			add_deny(r, path, access, "profile", NULL, false, quiet);
	}
	return 0;
}

static int profile_sockets(struct resolver *r, const struct profile *prof)
{
	static const struct {
		enum profile_fs list;
		const char *suffix;
	} kinds[] = {
	    {FS_UNIX_SOCKET, ""}, {FS_UNIX_SOCKET_DIR, "/."}, {FS_UNIX_SOCKET_SUBTREE, "/.."}};

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
		for (size_t i = 0; i < prof->fs[kinds[k].list].n; i++) {
			bool unset;
			_cleanup_free_ char *path =
			    expand_path(r, prof->fs[kinds[k].list].v[i], "unix_socket", &unset);
			_cleanup_free_ char *real = NULL, *entry = NULL;

			if (!path && unset)
				continue;
			if (!path)
				return -1;
			real = canon(r, path, NULL, NULL);
			if (check_own(r, real, false) < 0)
				return -1;
			entry = xasprintf("%s%s", real, kinds[k].suffix);
			list_add(&r->sockets, entry);
		}
	return 0;
}

static int profile_bypass(struct resolver *r, const struct list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		bool unset, covered = false;
		_cleanup_free_ char *path = expand_path(r, l->v[i], "bypass_protection", &unset);
		_cleanup_free_ char *real = NULL;

		if (!path && unset)
			continue;
		if (!path)
			return -1;
		real = canon(r, path, NULL, NULL);
		for (size_t g = 0; g < r->p->n_grants && !covered; g++)
			covered = r->p->grants[g].is_file ? strcmp(r->p->grants[g].path, real) == 0
							  : path_under(r->p->grants[g].path, real);
		if (!covered)
			return err_set(
			    r->err, "bypass_protection %s: no grant covers it; grant it too", real);
		for (size_t d = 0; d < r->p->n_denies; d++)
			if (!r->p->denies[d].own && strcmp(r->p->denies[d].path, real) == 0)
				r->p->denies[d].access = 0;
		list_add(&r->bypass, real);
	}
	return 0;
}

static int apply_profile(struct resolver *r, const struct profile *prof)
{
	for (size_t k = 0; k < ARRAY_LEN(grant_lists); k++) {
		const struct list *l = &prof->fs[grant_lists[k].list];
		for (size_t i = 0; i < l->n; i++)
			if (profile_grant(r, l->v[i], k) < 0)
				return -1;
	}
	if (profile_denies(r, &prof->fs[FS_DENY], CLOSED, false) < 0 ||
	    profile_denies(r, &prof->fs[FS_PROTECT], NONO_WRITE, true) < 0)
		return -1;
	return profile_sockets(r, prof);
}

/* ---- flags -------------------------------------------------------------- */

static int flag_grants(struct resolver *r, const char *const *paths, const char *option,
		       unsigned access, bool file)
{
	for (; paths && *paths; paths++) {
		char abs[POLICY_PATH_MAX], clean[POLICY_PATH_MAX];
		_cleanup_free_ char *cwd = (*paths)[0] == '/' ? NULL : getcwd(NULL, 0);
		_cleanup_free_ char *real = NULL;
		bool exists, is_dir;
		unsigned flags = file ? GRANT_FILE : 0;

		if (!**paths || path_join(abs, sizeof(abs), cwd ? cwd : "/", *paths) < 0 ||
		    path_clean(clean, sizeof(clean), abs) < 0)
			return err_usage(r->err, "%s \"%.200s\": not a usable path", option,
					 *paths);
		/* ".." after a link is not what path_clean() makes of it: ask the kernel first. */
		real = realpath(abs, NULL);
		if (!real) {
			list_add(&r->skipped, clean);
			continue;
		}
		struct stat st;
		exists = stat(real, &st) == 0;
		is_dir = exists && S_ISDIR(st.st_mode);
		if (file == is_dir)
			return err_set(r->err, "%s %s: is %s; use %s", option, *paths,
				       is_dir ? "a directory" : "not a directory",
				       is_dir ? "the flag without -file" : "the -file flag");
		if (exists && S_ISCHR(st.st_mode))
			flags |= GRANT_DEVICE;
		if (!file && (access & NONO_WRITE) && r->p->protect_workspace)
			flags |= GRANT_WORKSPACE;
		if (add_grant(r, real, access, flags, "user") < 0)
			return -1;
	}
	return 0;
}

static int apply_flags(struct resolver *r, const struct policy_input *in)
{
	const struct {
		const char *const *paths;
		const char *option;
		unsigned access;
		bool file;
	} flags[] = {
	    {in->allow, "--allow", NONO_READ | NONO_WRITE | NONO_EXEC, false},
	    {in->read, "--read", NONO_READ | NONO_EXEC, false},
	    {in->write, "--write", NONO_WRITE, false},
	    {in->allow_file, "--allow-file", NONO_READ | NONO_WRITE | NONO_EXEC, true},
	    {in->read_file, "--read-file", NONO_READ | NONO_EXEC, true},
	    {in->write_file, "--write-file", NONO_WRITE, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (flag_grants(r, flags[i].paths, flags[i].option, flags[i].access,
				flags[i].file) < 0)
			return -1;
	return 0;
}

static void warn_skipped(struct resolver *r)
{
	_cleanup_(buf_free) struct buf b = {0};

	if (!r->skipped.n)
		return;
	buf_adds(&b, "some requested sandbox grants were skipped because the path does not exist:");
	for (size_t i = 0; i < r->skipped.n; i++)
		buf_addf(&b, "%s %s", i ? "," : "", r->skipped.v[i]);
	add_warning(r->p, xstrdup(b.data));
}

static int apply_workdir(struct resolver *r, const struct policy_input *in)
{
	unsigned access = r->p->workdir_access;

	if (!in->allow_cwd)
		return 0;
	if (!access)
		access = NONO_READ | NONO_EXEC;
	if (add_grant(r, r->p->workdir, access,
		      (access & NONO_WRITE) && r->p->protect_workspace ? GRANT_WORKSPACE : 0,
		      "user") < 0)
		return -1;
	return worktree_grant(r, access);
}

/* ---- all of it ----------------------------------------------------------- */

static int own_files(struct resolver *r)
{
	char *dirs[3] = {dir_state(), dir_config(), dir_runtime()};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		char clean[POLICY_PATH_MAX];

		if (path_clean(clean, sizeof(clean), dirs[i]) < 0 || strcmp(clean, "/") == 0) {
			err_set(r->err, "%s: nono can't keep its files there", dirs[i]);
			for (; i < ARRAY_LEN(dirs); i++)
				free(dirs[i]);
			return -1;
		}
		free(dirs[i]);
		r->own[i] = canon(r, clean, NULL, NULL);
		add_deny(r, r->own[i], CLOSED, "nono", "nono's own files", true, true);
		if (strcmp(clean, r->own[i]) != 0)
			add_deny(r, clean, CLOSED, "nono", "nono's own files", true, true);
	}
	return 0;
}

/* Lifted rules stay in the list, for their label; they close nothing. */
static struct profile *load_all(const struct policy_input *in, char **file, struct err *err)
{
	const struct asset *a = asset_profile("default");
	_cleanup_(profile_freep) struct profile *base =
	    profile_parse(a->text, (size_t)(a->end - a->text), "default", err);
	_cleanup_(profile_freep) struct profile *named = NULL;
	_cleanup_free_ char *own_default = in->profile ? NULL : profile_user_file("default");

	if (!base || (!in->profile && !own_default))
		return STEAL_PTR(base);
	named = profile_load(in->profile ? in->profile : "default", file, err);
	if (!named)
		return NULL;
	profile_merge(base, named);
	return STEAL_PTR(base);
}

static void take_settings(struct policy *p, const struct policy_input *in, struct profile *prof)
{
	p->profile_name = in->profile ? xstrdup(prof->name ? prof->name : in->profile) : NULL;
	p->workdir_access = prof->workdir > 0 ? (unsigned)prof->workdir : 0;
	p->net_blocked = in->block_net >= 0 ? in->block_net : prof->block_net > 0;
	p->elevation = in->elevation >= 0 ? in->elevation : prof->elevation > 0;
	p->protect_workspace =
	    in->protect_workspace >= 0 ? in->protect_workspace : prof->protect_autorun != 0;
	p->private_tmp = prof->private_tmp > 0;
	p->audit_level = in->audit_level;
	p->namespaces = in->namespaces;
	if (prof->has_env_allow) {
		if (!prof->env_allow.v)
			prof->env_allow.v = xcalloc(1, sizeof(char *));
		p->env_allow = STEAL_PTR(prof->env_allow.v);
		prof->env_allow.n = 0;
	}
	p->env_deny = STEAL_PTR(prof->env_deny.v);
	prof->env_deny.n = 0;
	p->env_set = STEAL_PTR(prof->env_set.v);
	prof->env_set.n = 0;
}

static int find_places(struct policy *p, const struct policy_input *in, struct err *err)
{
	_cleanup_free_ char *home = dir_home();
	struct stat st;

	p->home = realpath(home, NULL);
	if (!p->home) /* nothing there: rules about it hold by name */
		p->home = xstrdup(home);
	p->workdir = path_real(in->workdir ? in->workdir : ".", err);
	if (!p->workdir)
		return err_prefix(err, "the working directory");
	if (stat(p->workdir, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(err, "the working directory %s is not a directory", p->workdir);
	return 0;
}

static const char *const tmp_dirs[] = {"/tmp", "/var/tmp"};

/* A private view of /tmp would hide what is granted in it, or a home that lies in it:
 * there the session has a directory of its own (TMPDIR) and no more. */
static bool in_tmp(const struct policy *p)
{
	for (size_t k = 0; k < ARRAY_LEN(tmp_dirs); k++) {
		if (path_under(tmp_dirs[k], p->home) || path_under(tmp_dirs[k], p->workdir))
			return true;
		for (size_t i = 0; i < p->n_grants; i++)
			if (path_under(tmp_dirs[k], p->grants[i].path))
				return true;
	}
	return false;
}

static int resolve(struct resolver *r, const struct policy_input *in, struct profile *prof)
{
	struct policy *p = r->p;

	take_settings(p, in, prof);
	if (find_places(p, in, r->err) < 0 || own_files(r) < 0 || groups_apply(r, prof) < 0 ||
	    apply_profile(r, prof) < 0 || apply_flags(r, in) < 0 || apply_workdir(r, in) < 0)
		return -1;
	if (in->program && program_grant(r, in->program) < 0)
		return -1;
	if (profile_bypass(r, &prof->fs[FS_BYPASS]) < 0)
		return -1;
	warn_skipped(r);
	if (p->private_tmp && in_tmp(p))
		p->private_tmp = false;
	p->bypasses = STEAL_PTR(r->bypass.v);
	p->n_unix_sockets = r->sockets.n;
	p->unix_sockets = STEAL_PTR(r->sockets.v);
	r->bypass.n = r->sockets.n = 0;
	return index_build(p, r->err);
}

int policy_resolve(const struct policy_input *in, struct policy **out, struct err *err)
{
	_cleanup_free_ char *file = NULL;
	_cleanup_(profile_freep) struct profile *prof = load_all(in, &file, err);
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct resolver r = {.err = err};
	int rc;

	if (!prof)
		return -1;
	r.p = p = xcalloc(1, sizeof(*p));
	p->profile_file = STEAL_PTR(file);
	rc = resolve(&r, in, prof);
	canon_free(&r);
	for (size_t i = 0; i < ARRAY_LEN(r.own); i++)
		free(r.own[i]);
	free(r.grant_hash);
	free(r.deny_hash);
	list_free(&r.skipped);
	list_free(&r.sockets);
	list_free(&r.bypass);
	if (rc < 0)
		return -1;
	*out = STEAL_PTR(p);
	return 0;
}

void strv_free(char **v)
{
	for (size_t i = 0; v && v[i]; i++)
		free(v[i]);
	free(v);
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_grants; i++) {
		free(p->grants[i].path);
		free(p->grants[i].source);
	}
	for (size_t i = 0; i < p->n_denies; i++) {
		free(p->denies[i].path);
		free(p->denies[i].source);
		free(p->denies[i].label);
	}
	free(p->grants);
	free(p->denies);
	strv_free(p->bypasses);
	strv_free(p->unix_sockets);
	strv_free(p->env_deny);
	strv_free(p->env_allow);
	strv_free(p->env_set);
	strv_free(p->warnings);
	index_free(p->index);
	free(p->profile_name);
	free(p->profile_file);
	free(p->workdir);
	free(p->home);
	free(p);
}

/* Behind a private view nothing below /tmp is what a rule meant. */
static void drop_hidden_denies(struct policy *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n_denies; i++) {
		struct policy_deny *d = &p->denies[i];

		if (path_under("/tmp", d->path) || path_under("/var/tmp", d->path)) {
			free(d->path);
			free(d->source);
			free(d->label);
			continue;
		}
		p->denies[kept++] = *d;
	}
	p->n_denies = kept;
}

int policy_set_tmp(struct policy *p, const char *tmp, bool bound, struct err *err)
{
	struct resolver r = {.p = p, .err = err};
	unsigned access = NONO_READ | NONO_WRITE | NONO_EXEC;
	int rc;

	if (bound)
		drop_hidden_denies(p);
	r.grant_hash = xcalloc(p->n_grants + RULES_STEP, sizeof(*r.grant_hash));
	for (size_t i = 0; i < p->n_grants; i++)
		r.grant_hash[i] = hash(p->grants[i].path);
	/* Rules may have been taken out since: room for what is added. */
	p->grants = xrealloc_array(p->grants, p->n_grants + RULES_STEP, sizeof(*p->grants));
	rc = add_grant(&r, tmp, access, 0, "system");
	for (size_t i = 0; bound && i < ARRAY_LEN(tmp_dirs) && rc == 0; i++)
		rc = add_grant(&r, tmp_dirs[i], access, 0, "system");
	free(r.grant_hash);
	return rc < 0 ? rc : index_build(p, err);
}

/* Without its own devpts the session sees the terminals of everyone. */
int policy_without_namespaces(struct policy *p, struct err *err)
{
	p->namespaces = NONO_SKIP;
	for (size_t i = 0; i < p->n_grants; i++) {
		if (strcmp(p->grants[i].path, "/dev/pts") != 0 &&
		    strcmp(p->grants[i].path, "/dev/ptmx") != 0)
			continue;
		free(p->grants[i].path);
		free(p->grants[i].source);
		p->grants[i--] = p->grants[--p->n_grants];
	}
	return index_build(p, err);
}
