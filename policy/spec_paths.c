/*
 * The kernel's rules. A Landlock rule gives a right to a whole tree and nothing takes it away
 * below; so a right that something inside the tree must not have is given to the others one by one:
 * the folders on the way to the exception (the spine) are spelled out entry by entry.
 *
 * With a supervisor the exceptions are what is closed; changes of guarded trees go through it.
 * Without one, what must not be changed is an exception from writing as well.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "policy/spec.h"

#define SPELLED_MAX 8192

void spec_add_entry(struct policy_spec *s, const char *path, unsigned access, dev_t dev, ino_t ino)
{
	if (s->n_paths == s->cap_paths) {
		s->cap_paths = s->cap_paths ? s->cap_paths * 2 : 256;
		s->paths = xrealloc_array(s->paths, s->cap_paths, sizeof(*s->paths));
		s->ids = xrealloc_array(s->ids, s->cap_paths, sizeof(*s->ids));
	}
	s->ids[s->n_paths] = (struct policy_identity){dev, ino};
	s->paths[s->n_paths++] = (struct nono_path){xstrdup(path), access};
}

void spec_add_path(struct policy_spec *s, const char *path, unsigned access)
{
	spec_add_entry(s, path, access, 0, 0);
}

/* What of a grant the kernel may hold: the rest is the broker's. As take_grant() in check.c. */
static unsigned kernel_rights(const struct policy_spec *s, const struct policy_grant *g)
{
	if (g->glob || g->missing)
		return 0;
	if (!s->supervised)
		return g->access;
	/* A writable file may be replaced: its rule would hold on to the old one. Only for exec,
	 * which nobody else can do, it is given. */
	if (g->is_file && !g->device && (g->access & NONO_WRITE))
		return g->access & NONO_EXEC ? g->access & (NONO_READ | NONO_EXEC) : 0;
	return g->guarded ? g->access & ~(unsigned)NONO_WRITE : g->access;
}

/* What no rule on this folder as a whole may give. */
static unsigned blocked(const struct policy_spec *s, const struct index_node *node)
{
	unsigned b = node->spine ? (unsigned)(NONO_READ | NONO_WRITE | NONO_EXEC) : 0;

	return b | (node->pinned && !s->supervised ? (unsigned)NONO_WRITE : 0);
}

/* What deny rules refuse at a node. As walk_path() in check.c, from below. */
static unsigned denied_at(const struct policy *p, uint32_t at)
{
	const unsigned shown = p->index->nodes[at].shown ? (unsigned)NONO_READ : 0;
	unsigned denied = 0;
	bool lifted = false;

	for (;; at = p->index->nodes[at].parent) {
		const struct index_node *node = &p->index->nodes[at];

		if (node->deny >= 0 && (!lifted || p->denies[node->deny].own))
			denied |= p->denies[node->deny].access;
		lifted |= node->bypass;
		if (at == INDEX_ROOT)
			return denied & ~shown;
	}
}

/* What the rules of the folders above give already. */
static unsigned given_above(const struct policy_spec *s, uint32_t at)
{
	const struct policy_index *ix = s->p->index;
	unsigned given = 0;

	while (at != INDEX_ROOT) {
		at = ix->nodes[at].parent;
		int32_t g = ix->nodes[at].grant;
		if (g >= 0 && !s->p->grants[g].is_file)
			given |= kernel_rights(s, &s->p->grants[g]) & ~blocked(s, &ix->nodes[at]);
	}
	return given;
}

/* Links lead to what has rules of its own; devices of disks are nobody's. */
static bool takes_rule(int dir, const struct dirent *de)
{
	struct stat st;

	if (de->d_type != DT_UNKNOWN)
		return de->d_type == DT_DIR || de->d_type == DT_REG || de->d_type == DT_CHR;
	return fstatat(dir, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode) || S_ISCHR(st.st_mode));
}

static void give(struct policy_spec *s, const char *path, uint32_t node, unsigned rights, dev_t dev,
		 ino_t ino);

static void give_entries(struct policy_spec *s, const char *path, uint32_t node, unsigned rights)
{
	const struct policy_index *ix = s->p->index;
	char child[POLICY_PATH_MAX];
	struct dirent *de;
	DIR *d = opendir(path);
	struct stat st = {0};

	if (d && fstat(dirfd(d), &st) < 0)
		st.st_dev = 0; /* where something else is mounted its number does not fit anyway */
	while (d && (de = readdir(d))) {
		uint32_t at;

		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
		    !takes_rule(dirfd(d), de) ||
		    path_join(child, sizeof(child), path, de->d_name) < 0)
			continue;
		if (s->n_paths >= SPELLED_MAX) {
			s->cut = true;
			break;
		}
		at = index_child(ix, node, de->d_name, strlen(de->d_name));
		if (at == UINT32_MAX)
			spec_add_entry(s, child, rights, st.st_dev, de->d_ino);
		else
			give(s, child, at, rights & ~denied_at(s->p, at), st.st_dev, de->d_ino);
	}
	if (d)
		closedir(d);
}

/* rights: what the node and its tree may have, but for exceptions further down. */
static void give(struct policy_spec *s, const char *path, uint32_t node, unsigned rights, dev_t dev,
		 ino_t ino)
{
	unsigned apart = rights & blocked(s, &s->p->index->nodes[node]);

	if (rights & ~apart)
		spec_add_entry(s, path, rights & ~apart, dev, ino);
	if (apart)
		give_entries(s, path, node, apart);
}

/* A lifted rule below a folder that was granted: the spine ended above it. */
static void give_lifted(struct policy_spec *s, const char *path)
{
	const struct policy_index *ix = s->p->index;
	uint32_t node = index_find(ix, path);
	unsigned rights = 0;

	if (node == UINT32_MAX)
		return;
	for (uint32_t at = node; at != INDEX_ROOT;) {
		at = ix->nodes[at].parent;
		int32_t g = ix->nodes[at].grant;
		if (g >= 0 && !s->p->grants[g].is_file)
			rights |= kernel_rights(s, &s->p->grants[g]);
	}
	rights &= ~denied_at(s->p, node) & ~given_above(s, node);
	if (rights)
		give(s, path, node, rights, 0, 0);
}

void spec_paths(struct policy_spec *s)
{
	const struct policy *p = s->p;

	for (size_t i = 0; i < p->n_grants; i++) {
		const struct policy_grant *g = &p->grants[i];
		unsigned rights = kernel_rights(s, g);
		uint32_t node;

		if (!rights)
			continue;
		node = index_find(p->index, g->path);
		rights &= ~denied_at(p, node);
		rights &= ~given_above(s, node);
		if (rights && g->is_file)
			spec_add_path(s, g->path, rights);
		else if (rights)
			give(s, g->path, node, rights, 0, 0);
	}
	for (char **b = p->bypasses; b && *b; b++)
		give_lifted(s, *b);
}
