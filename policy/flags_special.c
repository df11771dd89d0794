/* Flags of the command line that are more than a path to read or write. */
#include <glob.h>
#include <sys/stat.h>

#include "policy/resolve.h"

static int absolute(struct resolver *r, const char *option, const char *path,
		    char out[POLICY_PATH_MAX])
{
	_cleanup_free_ char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
	char full[POLICY_PATH_MAX];

	if (!*path || path_join(full, sizeof(full), cwd ? cwd : "/", path) < 0 ||
	    path_clean(out, POLICY_PATH_MAX, full) < 0)
		return err_usage(r->err, "%s \"%.200s\": not a usable path", option, path);
	return 0;
}

/* ---- sockets -------------------------------------------------------------- */

static const struct socket_kind {
	const char *option, *suffix; /* as struct policy has it */
	bool dir, bind;
} socket_kinds[POLICY_SOCKET_KINDS] = {
    [POLICY_SOCKET] = {"--allow-unix-socket", "", false, false},
    [POLICY_SOCKET_BIND] = {"--allow-unix-socket-bind", "", false, true},
    [POLICY_SOCKET_DIR] = {"--allow-unix-socket-dir", "/.", true, false},
    [POLICY_SOCKET_DIR_BIND] = {"--allow-unix-socket-dir-bind", "/.", true, true},
    [POLICY_SOCKET_SUBTREE] = {"--allow-unix-socket-subtree", "/..", true, false},
    [POLICY_SOCKET_SUBTREE_BIND] = {"--allow-unix-socket-subtree-bind", "/..", true, true},
};

/* To make a socket is to write in its folder; one that is there is read and written. */
static int socket_files(struct resolver *r, const struct socket_kind *k, const char *path,
			bool exists)
{
	const unsigned access = k->bind ? NONO_READ | NONO_WRITE : NONO_READ;
	unsigned workspace = r->p->protect_workspace && k->bind ? GRANT_WORKSPACE : 0;

	if (k->dir)
		return k->bind ? add_grant(r, path, access, workspace, "user") : 0;
	if (exists)
		return add_grant(r, path, access, GRANT_FILE, "user");
	if (!k->bind)
		return 0; /* it may come */
	{
		_cleanup_free_ char *dir = xstrdup(path);
		char *slash = strrchr(dir, '/');

		*(slash == dir ? slash + 1 : slash) = '\0';
		return add_grant(r, dir, access, workspace, "user");
	}
}

int socket_abstract(struct resolver *r, const char *who, const char *name)
{
	size_t n = strlen(name);

	if (n < 2 || n > SOCKET_NAME_MAX + 1)
		return err_set(r->err,
			       "%s: \"%.200s\": '@' and the name of an abstract socket, %d "
			       "bytes at most",
			       who, name, SOCKET_NAME_MAX);
	list_add(&r->sockets, name);
	return 0;
}

static int one_socket(struct resolver *r, const struct socket_kind *k, const char *written)
{
	_cleanup_free_ char *real = NULL, *entry = NULL;
	char path[POLICY_PATH_MAX];
	bool exists, is_dir;

	if (written[0] == '@' && !k->dir && !k->bind)
		return socket_abstract(r, k->option, written);
	if (absolute(r, k->option, written, path) < 0)
		return -1;
	real = canon(r, path, &exists, &is_dir);
	if (k->dir && !exists) {
		list_add(&r->skipped, path);
		return 0;
	}
	if (exists && k->dir != is_dir)
		return err_set(r->err, "%s %s: is %s", k->option, written,
			       is_dir
				   ? "a directory; the options with -dir and -subtree are for these"
				   : "not a directory");
	if (check_own(r, real, !k->dir) < 0 || socket_files(r, k, real, exists) < 0)
		return -1;
	entry = xasprintf("%s%s", strcmp(real, "/") == 0 ? "" : real, k->suffix);
	list_add(&r->sockets, entry);
	return 0;
}

int socket_grant(struct resolver *r, const char *path)
{
	_cleanup_free_ char *real = NULL;
	bool exists, is_dir;

	real = canon(r, path, &exists, &is_dir);
	if (is_dir)
		return err_set(r->err, "a credential: %s is a directory, not a socket", path);
	if (check_own(r, real, true) < 0 ||
	    (exists && add_grant(r, real, NONO_READ, GRANT_FILE, "command policy") < 0))
		return -1;
	lift_deny(r, real);
	list_add(&r->bypass, real);
	list_add(&r->sockets, real);
	return 0;
}

/* ---- graphics --------------------------------------------------------------- */

static int grant_gpu(struct resolver *r)
{
	static const char *const nodes[] = {"/dev/dri/card*", "/dev/dri/renderD*",
					    "/dev/nvidia*",   "/dev/nvidia-caps/*",
					    "/dev/kfd",	      "/dev/dxg"};
	static const char *const trees[] = {"/sys/devices", "/sys/dev/char"};
	bool any = false;
	glob_t g;

	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		if (glob(nodes[i], GLOB_NOSORT, NULL, &g) != 0)
			continue;
		for (size_t k = 0; k < g.gl_pathc; k++) {
			struct stat st;

			if (lstat(g.gl_pathv[k], &st) < 0 || !S_ISCHR(st.st_mode))
				continue;
			any = true;
			if (add_grant(r, g.gl_pathv[k], NONO_READ | NONO_WRITE | NONO_IOCTL,
				      GRANT_FILE | GRANT_DEVICE, "user") < 0) {
				globfree(&g);
				return -1;
			}
		}
		globfree(&g);
	}
	if (!any)
		add_warning(r->p, xstrdup("--allow-gpu: there is no graphics device here"));
	for (size_t i = 0; any && i < ARRAY_LEN(trees); i++)
		if (access(trees[i], F_OK) == 0 && add_grant(r, trees[i], NONO_READ, 0, "user") < 0)
			return -1;
	return 0;
}

/* ---- the save prompt --------------------------------------------------------- */

static int suppress(struct resolver *r, const char *const *paths)
{
	for (; paths && *paths; paths++) {
		_cleanup_free_ char *real = NULL;
		char path[POLICY_PATH_MAX];

		if (absolute(r, "--suppress-save-prompt", *paths, path) < 0)
			return -1;
		real = canon(r, path, NULL, NULL);
		list_add(&r->suppress, real);
	}
	return 0;
}

/* ---- all of them ------------------------------------------------------------ */

int flags_apply_special(struct resolver *r, const struct policy_input *in)
{
	for (size_t k = 0; k < POLICY_SOCKET_KINDS; k++)
		for (const char *const *v = in->sockets[k]; v && *v; v++)
			if (one_socket(r, &socket_kinds[k], *v) < 0)
				return -1;
	if (suppress(r, in->suppress) < 0)
		return -1;
	return in->gpu ? grant_gpu(r) : 0;
}

/* Lifted rules stay in the list, for their label; they close nothing. */
static int one_bypass(struct resolver *r, const char *written)
{
	_cleanup_free_ char *real = NULL;
	char path[POLICY_PATH_MAX];

	if (absolute(r, "--bypass-protection", written, path) < 0)
		return -1;
	real = canon(r, path, NULL, NULL);
	if (!rules_cover(r, real, 0))
		return err_set(
		    r->err,
		    "--bypass-protection %s: no grant covers it; it lifts deny rules and "
		    "gives nothing by itself: grant it too (--read, --allow-file, ...)",
		    written);
	for (size_t d = 0; d < r->p->n_denies; d++)
		if (!r->p->denies[d].own && strcmp(r->p->denies[d].path, real) == 0)
			r->p->denies[d].access = 0;
	list_add(&r->bypass, real);
	return 0;
}

int flags_bypass(struct resolver *r, const struct policy_input *in)
{
	for (const char *const *v = in->bypass; v && *v; v++)
		if (one_bypass(r, *v) < 0)
			return -1;
	return 0;
}
