/* The session that somebody means by an id, the beginning of one, or a name. */
#include <dirent.h>

#include "sessions/names.h"
#include "sessions/registry.h"

static bool is_hex(const char *s)
{
	size_t n = strlen(s);

	return n >= 1 && n <= SESSION_ID_LEN && strspn(s, "0123456789abcdef") == n;
}

enum match { BY_ID, BY_NAME };

static bool matches(const struct session_record *r, const char *what, enum match m, bool live)
{
	if (live && r->status == SESSION_EXITED)
		return false;
	return m == BY_ID ? str_starts(r->id, what) : str_eq(r->name, what);
}

static int ambiguous(const struct session_list *l, const char *what, enum match m, bool live,
		     struct err *err)
{
	char list[512] = "";
	size_t shown = 0;

	for (size_t i = 0; i < l->n; i++) {
		size_t n = strlen(list);
		if (!matches(&l->v[i], what, m, live))
			continue;
		if (shown++ == 8) {
			snprintf(list + n, sizeof(list) - n, ", …");
			break;
		}
		snprintf(list + n, sizeof(list) - n, "%s%s (%s)", n ? ", " : "", l->v[i].id,
			 l->v[i].name);
	}
	return err_set(err, "'%s' is ambiguous: it could be %s", what, list);
}

/* 1 found, 0 none, -1 several. */
static int find_in(struct session_list *l, const char *what, enum match m, bool live,
		   struct session_record *out, struct err *err)
{
	struct session_record *hit = NULL;

	for (size_t i = 0; i < l->n; i++) {
		if (!matches(&l->v[i], what, m, live))
			continue;
		/* Ended sessions of one name: the newest, which comes first. */
		if (hit && !live && m == BY_NAME)
			break;
		if (hit)
			return ambiguous(l, what, m, live, err);
		hit = &l->v[i];
	}
	if (!hit)
		return 0;
	*out = *hit;
	*hit = (struct session_record){0};
	return 1;
}

/* A whole id, or the name of a live session: one file is read, not all of them. */
static bool find_at_once(const char *what, struct session_record *out)
{
	bool whole = is_hex(what) && strlen(what) == SESSION_ID_LEN;
	struct session_list l = {0};
	char id[SESSION_ID_LEN + 1], file[SESSION_ID_LEN + 6];
	bool found = false;
	size_t cap = 0;
	DIR *d;

	if (whole)
		str_copy(id, sizeof(id), what);
	else if (is_hex(what) || !name_holder(what, id))
		return false; /* the beginning of an id goes before a name */
	d = registry_open(NULL);
	if (!d)
		return false;
	snprintf(file, sizeof(file), "%s.json", id);
	registry_read_one(dirfd(d), file, whole, &l, &cap);
	closedir(d);
	if (l.n && str_eq(whole ? l.v[0].id : l.v[0].name, what)) {
		*out = l.v[0];
		l.v[0] = (struct session_record){0};
		found = true;
	}
	session_list_free(&l);
	return found;
}

int session_find(const char *what, struct session_record *out, struct err *err)
{
	struct session_list l;
	struct err by_id = {0};
	bool several;
	int r = 0;

	*out = (struct session_record){0};
	if (!what || !*what)
		return err_usage(err, "a session id or name is needed");
	if (find_at_once(what, out))
		return 0;
	if (session_list(true, &l, err) < 0)
		return -1;
	if (is_hex(what)) {
		r = find_in(&l, what, BY_ID, true, out, &by_id);
		if (r == 0)
			r = find_in(&l, what, BY_ID, false, out, &by_id);
	}
	/* A short name of hexadecimal digits may well be how several ids begin. */
	several = r < 0;
	if (r != 1)
		r = find_in(&l, what, BY_NAME, true, out, err);
	if (r == 0)
		r = find_in(&l, what, BY_NAME, false, out, err);
	if (r == 0 && several) {
		if (err)
			*err = by_id;
		r = -1;
	}
	if (r == 0)
		err_set(err, "no session '%s': nono ps --all lists them", what);
	session_list_free(&l);
	return r == 1 ? 0 : -1;
}
