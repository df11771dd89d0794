/* From profile, groups and flags to one flat rule set. */
#include <pwd.h>
#include <sys/stat.h>

#include "policy/assets.h"
#include "policy/resolve.h"

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
	if (grant_lists[kind].list == FS_STATE)
		flags |= GRANT_STATE;
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

static int profile_suppress(struct resolver *r, const struct list *l)
{
	struct list paths = {0};
	int rc = 0;

	for (size_t i = 0; i < l->n && rc == 0; i++) {
		bool unset;
		_cleanup_free_ char *path = expand_path(r, l->v[i], "suppress_save_prompt", &unset);
		_cleanup_free_ char *real = path ? canon(r, path, NULL, NULL) : NULL;

		if (real)
			list_add(&paths, real);
		else if (!unset)
			rc = -1;
	}
	r->p->suppress_save = paths.v;
	return rc;
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
	if (profile_suppress(r, &prof->fs[FS_SUPPRESS_SAVE]) < 0)
		return -1;
	return profile_sockets(r, prof);
}

/* ---- flags -------------------------------------------------------------- */

static void set_original(struct resolver *r, const char *real, const char *written)
{
	for (size_t i = r->p->n_grants; i-- > 0;) {
		struct policy_grant *g = &r->p->grants[i];

		if (strcmp(g->path, real) != 0)
			continue;
		if (!g->original)
			g->original = xstrdup(written);
		return;
	}
}

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
		if (strcmp(real, *paths) != 0)
			set_original(r, real, *paths);
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

/* Only the file: name services would be asked at every start, over sockets. */
static char *account_home(void)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *e;
	char *home = NULL;

	while (f && !home && (e = fgetpwent(f)))
		if (e->pw_uid == getuid() && e->pw_dir && e->pw_dir[0] == '/')
			home = realpath(e->pw_dir, NULL);
	if (f)
		fclose(f);
	return home;
}

static int find_places(struct resolver *r, const struct policy_input *in, struct err *err)
{
	_cleanup_free_ char *home = dir_home(), *account = account_home();
	struct policy *p = r->p;
	struct stat st;

	p->home = realpath(home, NULL);
	if (!p->home) /* nothing there: rules about it hold by name */
		p->home = xstrdup(home);
	if (account && strcmp(account, p->home) != 0 && strcmp(account, "/") != 0)
		r->account_home = STEAL_PTR(account);
	p->workdir = path_real(in->workdir ? in->workdir : ".", err);
	if (!p->workdir)
		return err_prefix(err, "the working directory");
	if (stat(p->workdir, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(err, "the working directory %s is not a directory", p->workdir);
	return 0;
}

const char *const tmp_dirs[TMP_DIRS] = {"/tmp", "/var/tmp"};

/* A private view of /tmp would hide what is granted in it, or a home that lies in it:
 * there the session has a directory of its own (TMPDIR) and no more. */
static bool in_tmp(const struct policy *p)
{
	for (size_t k = 0; k < TMP_DIRS; k++) {
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
	if (find_places(r, in, r->err) < 0 || own_files(r) < 0 || groups_apply(r, prof) < 0 ||
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
	free(r.account_home);
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
