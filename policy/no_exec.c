/*
 * What must not be executed although it lies in a granted tree: programs with a policy of their
 * own. The right to execute is taken from the tree and given to everything else in it, one by one,
 * on the way down to the program; reading stays as it is. In a tree that may be written it is left
 * to the supervisor alone: a program there could be copied as well, which is no way around anything
 * (a copy has no more rights than the agent).
 */
#include <dirent.h>
#include <sys/stat.h>

#include "policy/spec.h"

#define ENTRIES_MAX 65536

struct closed_file {
	const char *path;
	dev_t dev;
	ino_t ino;
};

struct split {
	struct policy_spec *s;
	struct closed_file *v;
	size_t n, given;
};

bool policy_no_exec(const struct policy *p, const char *path)
{
	for (size_t i = 0; i < p->n_no_exec; i++)
		if (strcmp(p->no_exec[i], path) == 0)
			return true;
	return false;
}

static bool holds_closed(const struct split *sp, const char *path)
{
	for (size_t i = 0; i < sp->n; i++)
		if (path_under(path, sp->v[i].path))
			return true;
	return false;
}

/* Also by another name: a rule belongs to the file, not to the name. */
static bool is_closed(const struct split *sp, int dir, const struct dirent *de)
{
	struct stat st;

	for (size_t i = 0; i < sp->n; i++)
		if (sp->v[i].ino == de->d_ino && fstatat(dir, de->d_name, &st, 0) == 0 &&
		    st.st_dev == sp->v[i].dev && st.st_ino == sp->v[i].ino)
			return true;
	return false;
}

static void give_rest(struct split *sp, const char *path)
{
	char child[POLICY_PATH_MAX];
	struct dirent *de;
	DIR *d = opendir(path);
	struct stat st = {0};

	if (d && fstat(dirfd(d), &st) < 0)
		st.st_dev = 0;
	while (d && (de = readdir(d)) && sp->given < ENTRIES_MAX) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
		    (de->d_type != DT_DIR && de->d_type != DT_REG && de->d_type != DT_UNKNOWN) ||
		    path_join(child, sizeof(child), path, de->d_name) < 0)
			continue;
		if (de->d_type != DT_REG && holds_closed(sp, child)) {
			give_rest(sp, child);
		} else if (!is_closed(sp, dirfd(d), de)) {
			spec_add_entry(sp->s, child, NONO_EXEC, st.st_dev, de->d_ino);
			sp->given++;
		}
	}
	if (d)
		closedir(d);
}

void spec_no_exec(struct policy_spec *s)
{
	const struct policy *p = s->p;
	_cleanup_free_ struct closed_file *v = xcalloc(p->n_no_exec + 1, sizeof(*v));
	struct split sp = {.s = s, .v = v};
	size_t n = s->n_paths;
	struct stat st;

	for (size_t i = 0; i < p->n_no_exec; i++)
		if (stat(p->no_exec[i], &st) == 0)
			v[sp.n++] = (struct closed_file){p->no_exec[i], st.st_dev, st.st_ino};
	for (size_t i = 0; i < n && sp.n; i++) {
		unsigned access = s->paths[i].access;
		/* The array may move while entries are added. */
		const char *path = s->paths[i].path;

		if (!(access & NONO_EXEC) || (access & NONO_WRITE) || !holds_closed(&sp, path))
			continue;
		s->paths[i].access = access & ~(unsigned)NONO_EXEC;
		give_rest(&sp, path);
	}
}
