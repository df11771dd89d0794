/* What .gitignore files and excludes leave out of a directory. */
#include <dirent.h>
#include <fcntl.h>

#include "snapshots/walk.h"

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 31;
}

void node_find_rules(struct walk *w, struct node *n)
{
	struct stat st;

	n->rules_id = n->parent->rules_id;
	if (!w->o->gitignore || fstatat(n->fd, ".gitignore", &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return;
	n->has_gitignore = true;
	n->rules_id = mix(n->rules_id, st.st_ino);
	n->rules_id = mix(n->rules_id, (uint64_t)st.st_size);
	n->rules_id = mix(n->rules_id,
			  (uint64_t)st.st_mtim.tv_nsec + (uint64_t)st.st_mtim.tv_sec * 1000000007);
	n->rules_id = mix(n->rules_id,
			  (uint64_t)st.st_ctim.tv_nsec + (uint64_t)st.st_ctim.tv_sec * 1000000007);
}

static void load_rules(struct walk *w, struct node *n)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *text = NULL;
	ssize_t got;

	pthread_mutex_lock(&w->mutex);
	if (!n->rules_loaded && n->has_gitignore) {
		fd = openat(n->fd, ".gitignore", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		text = malloc(IGNORE_FILE_MAX);
		got = fd >= 0 && text ? read_full(fd, text, IGNORE_FILE_MAX) : -1;
		if (got > 0)
			n->rules = ignore_parse(text, (size_t)got);
	}
	n->rules_loaded = true;
	pthread_mutex_unlock(&w->mutex);
}

enum snap_why node_ignored(struct walk *w, struct node *n, const char *name, bool is_dir)
{
	char path[8192];
	size_t at = sizeof(path) - 1, len = strlen(name);
	enum ignore_verdict v = IGNORE_SILENT;

	path[at] = '\0';
	for (;;) {
		if (len + 1 > at)
			return SNAP_WHY_NONE;
		at -= len;
		memcpy(path + at, name, len);
		if (w->o->gitignore && v == IGNORE_SILENT) {
			load_rules(w, n);
			if (n->rules)
				v = ignore_match(n->rules, path + at, is_dir);
		}
		if (n->depth <= 1)
			break;
		name = n->parent->items[n->index].name;
		len = n->parent->items[n->index].name_len;
		path[--at] = '/';
		n = n->parent;
	}
	if (w->excludes) {
		enum ignore_verdict x = ignore_match(w->excludes, path + at, is_dir);
		if (x != IGNORE_SILENT)
			return x == IGNORE_OUT ? SNAP_WHY_EXCLUDED : SNAP_WHY_NONE;
	}
	return v == IGNORE_OUT ? SNAP_WHY_IGNORED : SNAP_WHY_NONE;
}

void node_apply_rules(struct walk *w, struct node *n)
{
	struct stat st;

	if (!w->excludes && !w->o->gitignore)
		return;
	for (uint32_t i = 0; i < n->count; i++) {
		struct item *it = &n->items[i];
		bool is_dir = it->c.pad[0] == DT_DIR;
		enum snap_why why;

		if (it->c.pad[0] == DT_UNKNOWN)
			is_dir = fstatat(n->fd, it->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
				 S_ISDIR(st.st_mode);
		why = node_ignored(w, n, it->name, is_dir);
		if (!why)
			continue;
		it->c.kind = SNAP_LEFT_OUT;
		it->c.why = (uint8_t)why;
	}
}
