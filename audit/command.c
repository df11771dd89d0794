#include "audit/command.h"

#include <dirent.h>
#include <sys/stat.h>
#include <time.h>

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **command_ids(size_t *n, struct err *err)
{
	_cleanup_free_ char *root = store_root();
	DIR *d = opendir(root);
	char **ids = xcalloc(1, sizeof(*ids));
	struct dirent *de;
	size_t cap = 1;

	*n = 0;
	if (!d && errno == ENOENT)
		return ids;
	if (!d) {
		err_errno(err, errno, "can't read %s", root);
		free(ids);
		return NULL;
	}
	while ((de = readdir(d))) {
		if (!store_id_valid(de->d_name) ||
		    (de->d_type != DT_DIR && de->d_type != DT_UNKNOWN))
			continue;
		if (*n + 1 >= cap) {
			cap *= 2;
			ids = xrealloc_array(ids, cap, sizeof(*ids));
		}
		ids[(*n)++] = xstrdup(de->d_name);
	}
	closedir(d);
	qsort(ids, *n, sizeof(*ids), compare);
	return ids;
}

struct removed {
	const char *arg;
	char id[65];
};

static void look_for_removed(void *data, const struct ledger_line *l)
{
	struct removed *r = data;

	if (str_starts(l->session_id, r->arg))
		str_copy(r->id, sizeof(r->id), l->session_id);
}

/* The ledger remembers sessions whose records were removed. */
static int no_record(const char *arg, struct err *err)
{
	struct removed r = {.arg = arg};
	struct ledger_check c;

	if (ledger_verify_each(NULL, NULL, &c, look_for_removed, &r, NULL) == 0 && r.id[0])
		return err_set(err,
			       "the audit record of session %s was removed; the ledger holds that "
			       "it was there, and its digest",
			       r.id);
	return err_set(err,
		       "there is no audit record of session %s; nono audit list shows those there "
		       "are",
		       arg);
}

int audit_find(const char *arg, char id[65], struct err *err)
{
	size_t n, found = 0;
	char **ids;

	if (!store_id_valid(arg))
		return err_set(err, "\"%.80s\" is not a session id", arg);
	ids = command_ids(&n, err);
	if (!ids)
		return -1;
	for (size_t i = 0; i < n; i++) {
		bool exact = str_eq(ids[i], arg);
		if (exact || str_starts(ids[i], arg)) {
			str_copy(id, 65, ids[i]);
			found = exact ? 1 : found + 1;
		}
		if (exact)
			break;
	}
	for (size_t i = 0; i < n; i++)
		free(ids[i]);
	free(ids);
	if (found == 0)
		return no_record(arg, err);
	if (found > 1)
		return err_set(err, "%s begins %zu session ids; give more of it", arg, found);
	return 0;
}

int command_meta(int dir, struct session_meta *m, bool *alive, struct err *err)
{
	for (int tries = 0;; tries++) {
		struct timespec pause = {.tv_nsec = 10000000};
		int r;

		*alive = store_alive(dir);
		r = meta_read(m, dir, err);
		if (!*alive || tries == 100 || (r == 0 && !m->ended[0]))
			return r;
		meta_free(m);
		memset(m, 0, sizeof(*m));
		nanosleep(&pause, NULL);
	}
}

time_t command_time(const char *s)
{
	return (time_t)(audit_time_ns(s) / 1000000000u);
}

cJSON *command_array(const struct buf *json)
{
	cJSON *a = json->len ? cJSON_ParseWithLength(json->data, json->len) : NULL;

	return a ? a : cJSON_CreateArray();
}

cJSON *command_str_or_null(const char *s)
{
	return s && s[0] ? cJSON_CreateString(s) : cJSON_CreateNull();
}

/* cJSON indents by tabs; the convention here is two spaces. */
void command_print(cJSON *v)
{
	_cleanup_free_ char *text = cJSON_Print(v);
	_cleanup_(buf_free) struct buf safe = {0};
	bool line_start = true, in_string = false;

	if (text)
		json_safe(&safe, text, strlen(text));
	buf_addc(&safe, '\0');
	for (char *p = safe.data; *p; p++) {
		if (line_start && *p == '\t') {
			fputs("  ", stdout);
			continue;
		}
		/* and puts a tab behind each colon */
		if (!in_string && *p == '\t') {
			putchar(' ');
			continue;
		}
		if (in_string && *p == '\\') {
			putchar(*p++);
			putchar(*p);
			continue;
		}
		if (*p == '"')
			in_string = !in_string;
		line_start = *p == '\n';
		putchar(*p);
	}
	putchar('\n');
	cJSON_Delete(v);
}

void command_put(const char *s, size_t width)
{
	char out[1024];

	text_printable(out, width && width < sizeof(out) ? width + 1 : sizeof(out), s, strlen(s));
	if (width)
		printf("%-*s", (int)width, out);
	else
		fputs(out, stdout);
}
