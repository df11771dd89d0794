/* What the start of a session finds out changes the policy before anything uses it. */
#include <sys/stat.h>

#include "policy/resolve.h"

/* Behind a private view nothing below /tmp is what a rule meant. */
static void drop_hidden_denies(struct policy *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n_denies; i++) {
		struct policy_deny *d = &p->denies[i];

		if (!d->mounted &&
		    (path_under("/tmp", d->path) || path_under("/var/tmp", d->path))) {
			free(d->path);
			continue;
		}
		p->denies[kept++] = *d;
	}
	p->n_denies = kept;
}

/* A mount point does not go away by what the program does itself, but by what is done for it. */
static void deny_mount_point(struct resolver *r, const char *path)
{
	add_deny(r, path, NONO_WRITE, "nono", NULL, true, true)->mounted = true;
}

int policy_set_tmp(struct policy *p, const char *tmp, bool bound, struct err *err)
{
	struct resolver r = {.err = err};
	unsigned access = NONO_READ | NONO_WRITE | NONO_EXEC;
	int rc;

	rules_take(&r, p);
	rc = add_grant(&r, tmp, access, 0, "system");
	for (size_t i = 0; bound && i < TMP_DIRS && rc == 0; i++)
		rc = add_grant(&r, tmp_dirs[i], access, 0, "system");
	if (bound && p->cap_in_tmp) {
		deny_mount_point(&r, POLICY_CAP_IN_TMP);
		deny_mount_point(&r, "/var/tmp/" POLICY_CAP_NAME);
	}
	if (bound && p->ca_file && p->cap_in_tmp) {
		deny_mount_point(&r, POLICY_CA_IN_TMP);
		deny_mount_point(&r, "/var/tmp/" POLICY_CA_NAME);
	}
	resolver_free(&r);
	if (bound)
		drop_hidden_denies(p);
	return rc < 0 ? rc : index_build(p, err);
}

/* One of nono's own files that may be read. */
static int set_own_file(struct policy *p, char **file, const char *path, struct err *err)
{
	struct resolver r = {.err = err};
	struct stat st;
	int rc;

	free(*file);
	*file = path_real(path, err);
	if (!*file)
		return -1;
	p->cap_in_tmp = p->private_tmp && p->namespaces != NONO_SKIP && lstat("/tmp", &st) == 0 &&
			S_ISDIR(st.st_mode);
	if (p->cap_in_tmp)
		return 0;
	rules_take(&r, p);
	rc = add_grant(&r, *file, NONO_READ, GRANT_FILE, "system");
	if (rc == 0)
		rules_grant(&r, *file, strlen(*file))->own = true;
	resolver_free(&r);
	return rc < 0 ? rc : index_build(p, err);
}

int policy_set_cap_file(struct policy *p, const char *path, struct err *err)
{
	return set_own_file(p, &p->cap_file, path, err);
}

int policy_set_ca_file(struct policy *p, const char *path, struct err *err)
{
	return set_own_file(p, &p->ca_file, path, err);
}

static bool make_folder(const char *path)
{
	_cleanup_free_ char *copy = xstrdup(path), *real = NULL;

	for (char *s = copy + 1;; s++) {
		char c = *s;

		if (c && c != '/')
			continue;
		*s = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			return false;
		*s = c;
		if (!c)
			break;
	}
	real = realpath(path, NULL);
	return real && strcmp(real, path) == 0; /* not by way of a link that came meanwhile */
}

int policy_make_state(struct policy *p, struct err *err)
{
	bool any = false;

	for (size_t i = 0; i < p->n_grants; i++) {
		struct policy_grant *g = &p->grants[i];

		if (!g->state || !g->missing || g->is_file || !make_folder(g->path))
			continue;
		g->missing = false;
		any = true;
	}
	return any ? index_build(p, err) : 0;
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
		free(p->grants[i].original);
		p->grants[i--] = p->grants[--p->n_grants];
	}
	return index_build(p, err);
}
