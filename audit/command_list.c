/* nono audit list */
#include "audit/command.h"
#include "audit/select.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

struct filter {
	time_t since, until; /* [since, until) */
	const char *command;
	char path[4096]; /* "" = any */
};

struct item {
	struct session_meta m;
	time_t started;
	off_t disk;
	bool alive;
};

static int parse_day(const char *s, time_t *out, struct err *err)
{
	struct tm tm = {0};
	const char *end = strptime(s, "%Y-%m-%d", &tm);

	if (!end || *end)
		return err_usage(err, "\"%.40s\" is no day; it looks like 2026-07-01", s);
	*out = timegm(&tm);
	return 0;
}

static int parse_filter(struct filter *f, const struct audit_list_options *o, struct err *err)
{
	time_t now = time(NULL);
	struct select path;

	*f = (struct filter){.until = (time_t)INT64_MAX, .command = o->command};
	if (o->today)
		f->since = now - now % 86400;
	if ((o->since && parse_day(o->since, &f->since, err) < 0) ||
	    (o->until && parse_day(o->until, &f->until, err) < 0) ||
	    select_parse(&path, NULL, o->path, false, err) < 0)
		return -1;
	if (o->until)
		f->until += 86400; /* the day itself included */
	str_copy(f->path, sizeof(f->path), path.path);
	return 0;
}

static off_t disk_size(int dir)
{
	static const char *const names[] = {EVENTS_FILE, SESSION_FILE};
	struct stat st;
	off_t sum = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (fstatat(dir, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			sum += st.st_size;
	return sum;
}

static bool matches(const struct item *it, const struct filter *f)
{
	cJSON *command, *tracked, *e;
	const char *argv0, *text;
	bool ok;

	if (it->started < f->since || it->started >= f->until)
		return false;
	command = command_array(&it->m.command);
	tracked = command_array(&it->m.tracked);
	argv0 = cJSON_GetStringValue(cJSON_GetArrayItem(command, 0));
	ok = !f->command || (argv0 && strstr(argv0, f->command));
	if (ok && f->path[0]) {
		ok = false;
		cJSON_ArrayForEach(e, tracked)
		{
			text = cJSON_GetStringValue(e);
			ok = ok ||
			     (text && (path_under(text, f->path) || path_under(f->path, text)));
		}
	}
	cJSON_Delete(command);
	cJSON_Delete(tracked);
	return ok;
}

static int newest_first(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->started != y->started)
		return x->started < y->started ? 1 : -1;
	return strcmp(y->m.started, x->m.started);
}

static size_t load(char **ids, size_t n, const struct filter *f, struct item *items)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct item *it = &items[kept];
		struct err err;
		_cleanup_close_ int dir = store_open_dir(ids[i], &err);

		if (dir < 0 || meta_read(&it->m, dir, &err) < 0) {
			/* A session that is just starting has no record yet. */
			if (dir < 0 || !store_alive(dir))
				fprintf(stderr, "nono: audit record %s: %s\n", ids[i], err.msg);
			memset(it, 0, sizeof(*it));
			continue;
		}
		it->started = command_time(it->m.started);
		it->alive = store_alive(dir);
		it->disk = disk_size(dir);
		if (matches(it, f)) {
			kept++;
			continue;
		}
		meta_free(&it->m);
		memset(it, 0, sizeof(*it));
	}
	qsort(items, kept, sizeof(*items), newest_first);
	return kept;
}

static cJSON *item_json(const struct item *it)
{
	const struct session_meta *m = &it->m;
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "session_id", m->id);
	cJSON_AddStringToObject(o, "started", m->started);
	cJSON_AddItemToObject(o, "ended", command_str_or_null(m->ended));
	cJSON_AddItemToObject(o, "command", command_array(&m->command));
	cJSON_AddItemToObject(o, "tracked_paths", command_array(&m->tracked));
	cJSON_AddNumberToObject(o, "snapshot_count", (double)m->snapshots);
	if (m->has_exit)
		cJSON_AddNumberToObject(o, "exit_code", m->exit_code);
	else
		cJSON_AddNullToObject(o, "exit_code");
	cJSON_AddNumberToObject(o, "network_event_count", (double)m->network_count);
	cJSON_AddNumberToObject(o, "disk_size", (double)it->disk);
	cJSON_AddBoolToObject(o, "is_alive", it->alive);
	cJSON_AddBoolToObject(o, "is_stale", !it->alive && !m->ended[0]);
	return o;
}

static void print_command(const struct buf *json)
{
	cJSON *a = command_array(json), *e;
	_cleanup_(buf_free) struct buf text = {0};

	buf_adds(&text, "");
	cJSON_ArrayForEach(e, a)
	{
		const char *s = cJSON_GetStringValue(e);
		if (text.len)
			buf_addc(&text, ' ');
		buf_adds(&text, s ? s : "?");
	}
	command_put(text.data ? text.data : "", 0);
	cJSON_Delete(a);
}

/* Where it worked, else the first path it could write to. */
static void first_path(const struct item *it, char *out, size_t size)
{
	struct json_span extra = {it->m.extra.data, it->m.extra.len}, v;
	cJSON *a;
	const char *s;

	if (extra.n && json_get(extra, "workdir", &v) && json_string(v, out, size) > 0)
		return;
	a = command_array(&it->m.tracked);
	s = cJSON_GetStringValue(cJSON_GetArrayItem(a, 0));
	str_copy(out, size, s ? s : "(no path)");
	cJSON_Delete(a);
}

static void print_item(const struct item *it)
{
	time_t now = time(NULL);
	char age[16];

	time_short_age(age, sizeof(age), now > it->started ? (uint64_t)(now - it->started) : 0);
	printf("  %-18s %5s  %-9s  ", it->m.id, age,
	       it->alive	? "running"
	       : it->m.ended[0] ? "completed"
				: "orphaned");
	print_command(&it->m.command);
	putchar('\n');
}

/* By directory, groups in the order of their newest session. */
static void print_groups(const struct item *items, size_t n)
{
	_cleanup_free_ bool *done = xcalloc(n + 1, sizeof(*done));

	printf("%zu command(s)\n", n);
	for (size_t i = 0; i < n; i++) {
		char path[4096], other[4096];
		if (done[i])
			continue;
		first_path(&items[i], path, sizeof(path));
		putchar('\n');
		command_put(path, 0);
		putchar('\n');
		for (size_t k = i; k < n; k++) {
			first_path(&items[k], other, sizeof(other));
			if (done[k] || !str_eq(path, other))
				continue;
			done[k] = true;
			print_item(&items[k]);
		}
	}
}

int audit_list(const struct audit_list_options *o, struct err *err)
{
	struct filter f;
	size_t n, kept, shown;
	struct item *items;
	char **ids;

	if (parse_filter(&f, o, err) < 0 || !(ids = command_ids(&n, err)))
		return -1;
	items = xcalloc(n + 1, sizeof(*items));
	kept = load(ids, n, &f, items);
	shown = o->recent && (size_t)o->recent < kept ? (size_t)o->recent : kept;
	if (o->json) {
		cJSON *a = cJSON_CreateArray();
		for (size_t i = 0; i < shown; i++)
			cJSON_AddItemToArray(a, item_json(&items[i]));
		command_print(a);
	} else {
		print_groups(items, shown);
	}
	for (size_t i = 0; i < kept; i++)
		meta_free(&items[i].m);
	for (size_t i = 0; i < n; i++)
		free(ids[i]);
	free(items);
	free(ids);
	return 0;
}
