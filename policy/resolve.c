/* From profile, groups and flags to one flat rule set. */
#include <pwd.h>
#include <sys/stat.h>

#include "policy/agent_hooks.h"
#include "policy/network/lists.h"
#include "policy/profiles/trust.h"
#include "policy/resolve.h"
#include "policy/sources.h"
#include "policy/stores.h"

/* Also those that other sessions use. */
static int own_stores(struct resolver *r)
{
	_cleanup_(policy_stores_free) struct policy_stores s = {.n = 0};

	if (policy_stores_load(&s, r->err) < 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		_cleanup_free_ char *now = canon(r, s.v[i].path, NULL, NULL);

		list_add(&r->stores, s.v[i].path);
		list_add(&r->stores, now);
	}
	for (size_t i = 0; i < r->stores.n; i++)
		add_deny(r, r->stores.v[i], CLOSED, "nono", "snapshots", true, true);
	return 0;
}

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
	if (own_stores(r) < 0)
		return -1;
	/* What holds the limits of this session and of others. */
	add_deny(r, "/sys/fs/cgroup", NONO_WRITE, "nono", NULL, true, true);
	return 0;
}

/* ---- profile ------------------------------------------------------------- */

static char **real_paths(const char *const *a, const char *const *b)
{
	struct list l = {0};

	for (size_t k = 0; k < 2; k++)
		for (const char *const *v = k ? b : a; v && *v; v++) {
			_cleanup_free_ char *real = realpath(*v, NULL);

			if (real)
				list_add(&l, real);
		}
	return list_steal(&l);
}

/* The profile that the input names, or the user's own "default"; *out = NULL if there is none. */
static int load_named(const struct policy_input *in, const struct policy_host *host,
		      struct profile **out, struct err *err)
{
	_cleanup_free_ char *workdir = realpath(in->workdir ? in->workdir : ".", NULL);
	char **writable = NULL;
	struct profile_request rq = {.what = in->profile ? in->profile : "default",
				     .workdir = workdir,
				     .extends = in->extends,
				     .host = host};

	*out = NULL;
	if (!in->profile) {
		_cleanup_free_ char *own = profile_user_file("default");

		if (!own && !in->extends)
			return 0;
	}
	writable = real_paths(in->allow, in->write);
	rq.writable = (const char *const *)writable;
	*out = profile_load(&rq, err);
	strv_free(writable);
	return *out ? 0 : -1;
}

static int check_consent(const struct policy_input *in, const struct profile *prof, struct err *err)
{
	char hash[POLICY_HASH_MAX];

	if (!trust_hash(prof, hash) ||
	    (in->trust_profile && strcmp(in->trust_profile, hash) == 0) ||
	    policy_consent_given(hash))
		return 0;
	return err_set(err,
		       "the profile %s comes with what is worked on, and nobody agreed to it yet: "
		       "look at it (nono profile show %s), then say --trust-profile %s",
		       in->profile, in->profile, hash);
}

/* Parts of the program, all of it. */
static bool is_builtin(const struct policy_input *in)
{
	const char *name = in->profile ? in->profile : "default";
	_cleanup_free_ char *own = profile_name_ok(name) ? profile_user_file(name) : NULL;

	return profile_name_ok(name) && !own && !in->extends;
}

int policy_consent(const struct policy_input *in, struct policy_consent *out, struct err *err)
{
	_cleanup_(profile_freep) struct profile *named = NULL;
	struct policy_host host = {0};
	struct list files = {0};

	*out = (struct policy_consent){0};
	if (in->manifest || is_builtin(in))
		return 0;
	if (!in->host)
		policy_host_read(&host);
	if (load_named(in, in->host ? in->host : &host, &named, err) < 0)
		return -1;
	if (!named || !trust_hash(named, out->hash))
		return 0;
	for (size_t i = 0; i < named->n_files; i++)
		if (named->files[i]->brought)
			list_add(&files, named->files[i]->path);
	out->files = list_steal(&files);
	out->given = (in->trust_profile && strcmp(in->trust_profile, out->hash) == 0) ||
		     policy_consent_given(out->hash);
	return 0;
}

void policy_consent_free(struct policy_consent *c)
{
	strv_free(c->files);
	*c = (struct policy_consent){0};
}

/* Everything lies on top of "default". */
static struct profile *load_all(const struct policy_input *in, char **file, struct err *err)
{
	const struct profile_request base_rq = {.what = "default", .builtin = true};
	_cleanup_(profile_freep) struct profile *base = NULL, *named = NULL;
	struct policy_host host = {0};

	if (!in->host)
		policy_host_read(&host);
	base = profile_load(&base_rq, err);
	if (!base || (!in->tool && load_named(in, in->host ? in->host : &host, &named, err) < 0))
		return NULL;
	if (!named)
		return STEAL_PTR(base);
	if (check_consent(in, named, err) < 0)
		return NULL;
	*file = named->file->found ? xstrdup(named->file->found) : NULL;
	profile_merge(base, named);
	return STEAL_PTR(base);
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

static int finish(struct resolver *r, const struct policy_input *in)
{
	struct policy *p = r->p;

	flags_warn(r);
	if (p->private_tmp && in_tmp(p))
		p->private_tmp = false;
	if (in->observe && observe_grants(r) < 0)
		return -1;
	p->n_unix_sockets = r->sockets.n;
	p->unix_sockets = list_steal(&r->sockets);
	p->bypasses = list_steal(&r->bypass);
	p->suppress_save = list_steal(&r->suppress);
	return index_build(p, r->err);
}

/* Where commands have policies or pages are opened the program calls nono. */
static int grant_nono(struct resolver *r, const struct policy_input *in)
{
	const struct policy *p = r->p;

	if (!in->nono || !(p->commands || in->tool || p->network.mode == POLICY_NET_NAMES))
		return 0;
	return add_grant(r, in->nono, NONO_READ | NONO_EXEC, GRANT_FILE, "system");
}

static int resolve_manifest(struct resolver *r, const struct policy_input *in)
{
	r->p->audit_level = in->audit_level;
	r->p->namespaces = in->namespaces;
	if (find_places(r, in, r->err) < 0 || own_files(r) < 0 ||
	    manifest_apply(r, in->manifest) < 0)
		return -1;
	if ((in->program && program_grant(r, in->program) < 0) || grant_nono(r, in) < 0)
		return -1;
	return finish(r, in);
}

static int resolve(struct resolver *r, const struct policy_input *in, struct profile *prof)
{
	struct policy *p = r->p;

	settings_take(p, in, prof);
	if (settings_approvals(p, prof, r->err) < 0)
		return -1;
	if (find_places(r, in, r->err) < 0 || network_take(p, in, prof, r->err) < 0 ||
	    own_files(r) < 0 || groups_apply(r, prof) < 0 || profile_apply(r, prof) < 0 ||
	    flags_apply(r, in) < 0 || flags_apply_special(r, in) < 0 || workdir_apply(r, in) < 0 ||
	    agent_hooks_apply(r, prof) < 0)
		return -1;
	if ((in->tool && box_apply(r, in) < 0) ||
	    (in->program && program_grant(r, in->program) < 0))
		return -1;
	if (grant_nono(r, in) < 0)
		return -1;
	groups_yield(r);
	if (profile_bypass(r, prof) < 0 || flags_bypass(r, in) < 0)
		return -1;
	return finish(r, in);
}

/* One layer for each profile that says something of commands, base first. */
static int decode_commands(struct policy *p, const struct profile *prof, struct err *err)
{
	for (size_t i = 0; i < prof->n_command_policies; i++)
		if (commands_decode(&p->commands, prof->command_policies[i].at,
				    prof->command_policies[i].label, err) < 0)
			return -1;
	return 0;
}

int policy_resolve(const struct policy_input *in, struct policy **out, struct err *err)
{
	_cleanup_free_ char *file = NULL;
	_cleanup_(profile_freep) struct profile *prof = NULL;
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct resolver r = {.err = err};
	int rc;

	if (!in->manifest) {
		prof = load_all(in, &file, err);
		if (!prof)
			return -1;
	}
	r.p = p = xcalloc(1, sizeof(*p));
	p->profile_file = STEAL_PTR(file);
	if (prof)
		sources_take(p, prof);
	rc = prof ? decode_commands(p, prof, err) : 0;
	if (rc == 0)
		rc = in->manifest ? resolve_manifest(&r, in) : resolve(&r, in, prof);
	resolver_free(&r);
	if (rc == 0)
		rc = commands_resolve(p, in, err);
	if (rc < 0)
		return -1;
	*out = STEAL_PTR(p);
	return 0;
}

int policy_enforceable(const struct policy *p, struct err *err)
{
	_cleanup_(buf_free) struct buf b = {0};

	if (agent_hooks_known(p, err) < 0 || outside_check(p, err) < 0)
		return -1;
	if (!p->unenforced)
		return 0;
	for (char **s = p->unenforced; *s; s++)
		buf_addf(&b, "%s%s", s == p->unenforced ? "" : ", ", *s);
	if (p->from_manifest)
		return err_set(err,
			       "the manifest asks for what can't be enforced by this version: %s",
			       b.data);
	return err_set(err,
		       "the profile %s asks for what this version can't give: %s. Take it out of "
		       "the profile",
		       p->profile_name ? p->profile_name : "default", b.data);
}
