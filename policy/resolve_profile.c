/* What the profile grants and closes. */
#include <glob.h>
#include <sys/stat.h>

#include "policy/resolve.h"

#define MATCHES_MAX 4096 /* files that one pattern may stand for */

static const struct grant_list {
	enum profile_fs list;
	unsigned access;
	bool file;
	bool workspace;
} grant_lists[] = {
    {FS_ALLOW, NONO_READ | NONO_WRITE | NONO_EXEC, false, true},
    {FS_READ, NONO_READ | NONO_EXEC, false, false},
    {FS_WRITE, NONO_WRITE, false, true},
    {FS_EXECUTE, NONO_READ | NONO_EXEC, false, false},
    {FS_STATE, NONO_READ | NONO_WRITE | NONO_EXEC, false, false},
    {FS_ALLOW_FILE, NONO_READ | NONO_WRITE, true, false},
    {FS_READ_FILE, NONO_READ | NONO_EXEC, true, false},
    {FS_WRITE_FILE, NONO_WRITE, true, false},
    {FS_UNIX_SOCKET_BIND, NONO_READ | NONO_WRITE, true, false},
    {FS_UNIX_SOCKET_DIR_BIND, NONO_READ | NONO_WRITE, false, false},
    {FS_UNIX_SOCKET_SUBTREE_BIND, NONO_READ | NONO_WRITE, false, false},
};

/* The error again, with the place of the entry. */
static int at(const struct entry *e, struct err *err)
{
	struct err inner = *err;

	return doc_error(e->place.label, e->place.at, err, "%s", inner.msg);
}

static int grant_path(struct resolver *r, const char *path, const struct grant_list *g)
{
	unsigned access = g->access, flags = 0;
	const char *who = profile_fs_names[g->list];
	bool exists, is_dir;
	_cleanup_free_ char *real = canon(r, path, &exists, &is_dir);

	if (!exists && !(access & NONO_WRITE))
		return 0;
	if (g->file && is_dir)
		return err_set(r->err, "%s: \"%s\" is a directory", who, path);
	if (g->file || (exists && !is_dir))
		flags |= GRANT_FILE;
	if (!exists)
		flags |= GRANT_MISSING;
	if (g->list == FS_STATE)
		flags |= GRANT_STATE;
	if (g->workspace && r->p->protect_workspace && !(flags & GRANT_FILE))
		flags |= GRANT_WORKSPACE;
	return add_grant(r, real, access, flags, "profile");
}

/* Names by pattern in one directory: what is made later fits too, the broker holds it. */
static bool is_live_pattern(const char *path, const struct grant_list *g)
{
	const char *star = strchr(path, '*');

	return g->file && !strchr(star, '/') && !strchr(star + 1, '*');
}

/* Everything but '*' means itself. */
static char *glob_text(const char *path)
{
	struct buf b = {0};

	for (; *path; path++) {
		if (*path == '?' || *path == '[' || *path == '\\')
			buf_addc(&b, '\\');
		buf_addc(&b, *path);
	}
	return b.data;
}

/* Where the pattern starts: nothing that a link leads out of there is granted. */
static char *pattern_root(struct resolver *r, const char *path)
{
	_cleanup_free_ char *root = xstrndup(path, (size_t)(strchr(path, '*') - path));

	*strrchr(root, '/') = '\0';
	return canon(r, *root ? root : "/", NULL, NULL);
}

/* What is there at the start. */
static int grant_matches(struct resolver *r, const char *path, const struct grant_list *g)
{
	_cleanup_free_ char *pattern = glob_text(path), *root = pattern_root(r, path);
	const char *who = profile_fs_names[g->list];
	glob_t found = {0};
	int rc;

	if (strstr(path, "**"))
		return err_set(r->err,
			       "%s: \"%s\": ** is not understood: name the folder, its tree is "
			       "granted with it",
			       who, path);
	rc = glob(pattern, GLOB_NOSORT, NULL, &found) == GLOB_NOSPACE ? -1 : 0;
	if (rc == 0 && found.gl_pathc > MATCHES_MAX)
		rc = err_set(r->err, "%s: \"%s\" stands for more than %d files", who, path,
			     MATCHES_MAX);
	for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++) {
		bool is_dir;
		_cleanup_free_ char *real = canon(r, found.gl_pathv[i], NULL, &is_dir);

		if (path_under(root, real) && !(g->file && is_dir))
			rc = grant_path(r, found.gl_pathv[i], g);
	}
	globfree(&found);
	return rc;
}

static int grant_entry(struct resolver *r, const char *path, const struct grant_list *g)
{
	if (!strchr(path, '*'))
		return grant_path(r, path, g);
	if (!is_live_pattern(path, g))
		return grant_matches(r, path, g);
	_cleanup_free_ char *real = canon(r, path, NULL, NULL);
	return add_grant(r, real, g->access, GRANT_FILE | GRANT_GLOB, "profile");
}

static int refuse_pattern(struct resolver *r, const char *path, const char *who)
{
	if (!strchr(path, '*'))
		return 0;
	return err_set(r->err,
		       "%s: \"%s\": a pattern can't be held here: name the files or their folder",
		       who, path);
}

static int deny_entry(struct resolver *r, const char *path, enum profile_fs list)
{
	unsigned access = list == FS_DENY ? CLOSED : (unsigned)NONO_WRITE;
	bool exists;
	_cleanup_free_ char *real = NULL;

	if (refuse_pattern(r, path, profile_fs_names[list]) < 0)
		return -1;
	real = canon(r, path, &exists, NULL);
	add_deny(r, real, access, "profile", NULL, false, list == FS_PROTECT);
	/* A link: its own name is closed as well. */
	if (exists && strcmp(real, path) != 0)
		add_deny(r, path, access, "profile", NULL, false, list == FS_PROTECT);
	return 0;
}

static int socket_entry(struct resolver *r, const char *path, enum profile_fs list)
{
	static const char *const suffixes[FS_LISTS] = {
	    [FS_UNIX_SOCKET] = "",
	    [FS_UNIX_SOCKET_BIND] = "",
	    [FS_UNIX_SOCKET_DIR] = "/.",
	    [FS_UNIX_SOCKET_DIR_BIND] = "/.",
	    [FS_UNIX_SOCKET_SUBTREE] = "/..",
	    [FS_UNIX_SOCKET_SUBTREE_BIND] = "/..",
	};
	_cleanup_free_ char *real = NULL, *entry = NULL;

	if (refuse_pattern(r, path, profile_fs_names[list]) < 0)
		return -1;
	real = canon(r, path, NULL, NULL);
	if (check_own(r, real, false) < 0)
		return -1;
	entry = xasprintf("%s%s", real, suffixes[list]);
	list_add(&r->sockets, entry);
	return 0;
}

/* A name of the kernel's: no file, and nothing that a program could put there but by listening. */
static int abstract_entry(struct resolver *r, const char *name, enum profile_fs list)
{
	if (list != FS_UNIX_SOCKET)
		return err_set(
		    r->err,
		    "%s: \"%s\": an abstract socket is in no folder, and a program makes "
		    "its own without a grant: unix_socket is for these",
		    profile_fs_names[list], name);
	return socket_abstract(r, profile_fs_names[list], name);
}

static bool is_abstract(const struct entry *e, enum profile_fs list)
{
	return list >= FS_UNIX_SOCKET && list <= FS_UNIX_SOCKET_SUBTREE_BIND && e->text[0] == '@' &&
	       !str_starts(e->text, "@git:");
}

static int suppress_entry(struct resolver *r, const char *path)
{
	_cleanup_free_ char *real = canon(r, path, NULL, NULL);

	list_add(&r->suppress, real);
	return 0;
}

/* Lifted rules stay in the list, for their label; they close nothing. */
static int bypass_entry(struct resolver *r, const char *path)
{
	_cleanup_free_ char *real = NULL;

	if (refuse_pattern(r, path, "bypass_protection") < 0)
		return -1;
	real = canon(r, path, NULL, NULL);
	if (!rules_cover(r, real, 0))
		return err_set(r->err, "bypass_protection %s: no grant covers it; grant it too",
			       real);
	lift_deny(r, real);
	list_add(&r->bypass, real);
	return 0;
}

static int apply_path(struct resolver *r, const char *path, enum profile_fs list)
{
	switch (list) {
	case FS_DENY:
	case FS_PROTECT:
		return deny_entry(r, path, list);
	case FS_BYPASS:
		return bypass_entry(r, path);
	case FS_SUPPRESS_SAVE:
		return suppress_entry(r, path);
	case FS_UNIX_SOCKET:
	case FS_UNIX_SOCKET_BIND:
	case FS_UNIX_SOCKET_DIR:
	case FS_UNIX_SOCKET_DIR_BIND:
	case FS_UNIX_SOCKET_SUBTREE:
	case FS_UNIX_SOCKET_SUBTREE_BIND:
		if (socket_entry(r, path, list) < 0)
			return -1;
		break;
	default:
		break;
	}
	for (size_t i = 0; i < ARRAY_LEN(grant_lists); i++)
		if (grant_lists[i].list == list)
			return grant_entry(r, path, &grant_lists[i]);
	return 0;
}

/* What is named by the working directory stays in it: a link there, perhaps of the program's own
 * making in an earlier run, must not lead a grant out. */
static bool leads_out(struct resolver *r, const char *text, const char *path, enum profile_fs list)
{
	_cleanup_free_ char *real = NULL;

	if (list == FS_DENY || list == FS_PROTECT || list == FS_SUPPRESS_SAVE ||
	    !str_starts(text, "$WORKDIR") || !path_under(r->p->workdir, path))
		return false;
	real = canon(r, path, NULL, NULL);
	if (path_under(r->p->workdir, real))
		return false;
	add_warning(r->p, xasprintf("%s: %s is a link that leads out of the working directory, to "
				    "%s: it is not granted",
				    profile_fs_names[list], path, real));
	return true;
}

static int apply_list(struct resolver *r, const struct profile *prof, enum profile_fs list)
{
	for (size_t i = 0; i < prof->fs[list].n; i++) {
		const struct entry *e = &prof->fs[list].v[i];
		_cleanup_(list_free) struct list paths = {0};

		if (is_abstract(e, list)) {
			if (abstract_entry(r, e->text, list) < 0)
				return at(e, r->err);
			continue;
		}
		if (expand_entry(r, e->text, profile_fs_names[list], &paths) < 0)
			return at(e, r->err);
		for (size_t k = 0; k < paths.n; k++)
			if (!leads_out(r, e->text, paths.v[k], list) &&
			    apply_path(r, paths.v[k], list) < 0)
				return at(e, r->err);
	}
	return 0;
}

int profile_apply(struct resolver *r, const struct profile *prof)
{
	for (int i = 0; i < FS_LISTS; i++)
		if (i != FS_BYPASS && apply_list(r, prof, i) < 0)
			return -1;
	return 0;
}

int profile_bypass(struct resolver *r, const struct profile *prof)
{
	return apply_list(r, prof, FS_BYPASS);
}
