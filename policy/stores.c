/* The list is text: an id and a path a line. */
#include "policy/stores.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>

#define LIST_MAX ((size_t)POLICY_STORES_MAX * (PATH_MAX + POLICY_STORE_ID_LEN + 2))

static char *list_path(void)
{
	_cleanup_free_ char *state = dir_state();

	return xasprintf("%s/snapshot-stores", state);
}

static int take_line(struct policy_stores *s, char *line)
{
	struct policy_store *e = &s->v[s->n];
	char clean[PATH_MAX];

	if (s->n == POLICY_STORES_MAX || strspn(line, "0123456789abcdef") != POLICY_STORE_ID_LEN ||
	    line[POLICY_STORE_ID_LEN] != ' ')
		return -1;
	line[POLICY_STORE_ID_LEN] = '\0';
	str_copy(e->id, sizeof(e->id), line);
	line += POLICY_STORE_ID_LEN + 1;
	if (path_clean(clean, sizeof(clean), line) < 0 || !str_eq(clean, line))
		return -1;
	e->path = xstrdup(line);
	s->n++;
	return 0;
}

int policy_stores_load(struct policy_stores *out, struct err *err)
{
	_cleanup_free_ char *path = list_path(), *text = NULL;
	size_t n;

	out->n = 0;
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	text = file_read(path, LIST_MAX, &n, err);
	if (!text)
		return -1;
	for (char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		if (!end || memchr(line, '\0', (size_t)(end - line)))
			return err_set(err,
				       "%s is damaged: it names the places of snapshots, "
				       "which no program may reach",
				       path);
		*end = '\0';
		if (take_line(out, line) < 0)
			return err_set(err,
				       "%s is damaged: it names the places of snapshots, "
				       "which no program may reach",
				       path);
	}
	return 0;
}

void policy_stores_free(struct policy_stores *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].path);
	s->n = 0;
}

const struct policy_store *policy_stores_find(const struct policy_stores *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->v[i].path, path))
			return &s->v[i];
	return NULL;
}

/* ---- changing it ----------------------------------------------------------------------------- */

static int lock_list(struct err *err)
{
	_cleanup_free_ char *state = dir_state(),
			    *path = xasprintf("%s/snapshot-stores.lock", state);
	_cleanup_close_ int fd = -1;

	if (dir_private(state, err) < 0)
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_errno(err, errno, "can't lock %s", path);
	return STEAL_FD(fd);
}

/* All but one, and that with an id, if it has one. */
static int rewrite(const struct policy_stores *s, const char *path, const char *id, struct err *err)
{
	_cleanup_(buf_free) struct buf b = {0};
	_cleanup_free_ char *list = list_path();

	for (size_t i = 0; i < s->n; i++)
		if (!str_eq(s->v[i].path, path))
			buf_addf(&b, "%s %s\n", s->v[i].id, s->v[i].path);
	if (id)
		buf_addf(&b, "%s %s\n", id, path);
	return file_write_atomic(list, 0600, b.data ? b.data : "", b.len, err);
}

int policy_stores_add(const char *path, const char *id, struct err *err)
{
	_cleanup_(policy_stores_free) struct policy_stores s = {.n = 0};
	_cleanup_close_ int lock = lock_list(err);
	const struct policy_store *known;

	if (lock < 0 || policy_stores_load(&s, err) < 0)
		return -1;
	known = policy_stores_find(&s, path);
	if (known && str_eq(known->id, id))
		return 0;
	if (!known && s.n == POLICY_STORES_MAX)
		return err_set(err,
			       "snapshots are kept in %u places already: nono rollback cleanup "
			       "forgets those that are gone",
			       POLICY_STORES_MAX);
	return rewrite(&s, path, id, err);
}

int policy_stores_remove(const char *path, struct err *err)
{
	_cleanup_(policy_stores_free) struct policy_stores s = {.n = 0};
	_cleanup_close_ int lock = lock_list(err);

	if (lock < 0 || policy_stores_load(&s, err) < 0)
		return -1;
	return policy_stores_find(&s, path) ? rewrite(&s, path, NULL, err) : 0;
}
