/* From the events of a session's log to the paths it used, each once. */
#include "cli/learn.h"

#define HOSTS_MAX 256 /* rules for hosts */

#include <limits.h>
#include <sys/stat.h>

#include "audit/audit.h"

#define SOCKETS_MAX 50

/* ---- a set of paths ---------------------------------------------------------------------- */

static uint32_t hash_of(const char *s)
{
	uint32_t h = 2166136261u;

	while (*s)
		h = (h ^ (unsigned char)*s++) * 16777619u;
	return h;
}

static void number(struct observed *o)
{
	free(o->table);
	o->mask = (uint32_t)o->cap * 2 - 1;
	o->table = xcalloc(o->cap * 2, sizeof(*o->table));
	for (size_t k = 0; k < o->n; k++) {
		uint32_t i = hash_of(o->v[k].path) & o->mask;

		while (o->table[i])
			i = (i + 1) & o->mask;
		o->table[i] = (uint32_t)k + 1;
	}
}

static void grow(struct observed *o)
{
	o->cap = o->cap ? o->cap * 2 : 1024;
	o->v = xrealloc_array(o->v, o->cap, sizeof(*o->v));
	number(o);
}

static void add(struct observed *o, const char *path, unsigned access, bool dir, bool refused)
{
	struct policy_access *a;
	uint32_t i;

	if (path[0] != '/' || strlen(path) >= POLICY_PATH_MAX ||
	    (o->tmp && path_under(o->tmp, path)))
		return;
	if (o->n == o->cap)
		grow(o);
	for (i = hash_of(path) & o->mask; o->table[i]; i = (i + 1) & o->mask)
		if (strcmp(o->v[o->table[i] - 1].path, path) == 0)
			break;
	if (!o->table[i]) {
		o->v[o->n++] = (struct policy_access){.path = xstrdup(path)};
		o->table[i] = (uint32_t)o->n;
	}
	a = &o->v[o->table[i] - 1];
	a->access |= access;
	a->dir |= dir;
	a->refused |= refused;
	a->closed |= refused && o->open;
}

/* Once, of the first ones. */
static void add_name(char ***v, size_t *n, const char *name)
{
	for (size_t i = 0; i < *n; i++)
		if (str_eq((*v)[i], name))
			return;
	if (*n == SOCKETS_MAX)
		return;
	*v = xrealloc_array(*v, *n + 2, sizeof(**v));
	(*v)[(*n)++] = xstrdup(name);
	(*v)[*n] = NULL;
}

static void add_socket(struct observed *o, const char *target)
{
	char shown[1024];

	text_printable(shown, sizeof(shown), target, strlen(target));
	add_name(&o->sockets, &o->n_sockets, shown);
}

/* ---- events ------------------------------------------------------------------------------ */

static void take_open(struct observed *o, const struct audit_record *r, bool refused)
{
	static const struct {
		const char *op;
		unsigned access;
	} table[] = {{"read", NONO_READ},
		     {"write", NONO_WRITE},
		     {"readwrite", NONO_READ | NONO_WRITE},
		     {"create", NONO_WRITE},
		     {"createread", NONO_READ | NONO_WRITE}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (str_eq(r->op, table[i].op))
			add(o, r->target, table[i].access, false, refused);
}

/* Both names of a rename or link; the other texts of changes are no paths. */
static void take_change(struct observed *o, const struct audit_record *r, bool refused)
{
	add(o, r->target, NONO_WRITE, str_eq(r->op, "mkdir"), refused);
	if (str_eq(r->op, "rename") || str_eq(r->op, "link"))
		add(o, r->target2, NONO_WRITE, false, refused);
}

static void take_connect(struct observed *o, const struct audit_record *r, bool refused)
{
	bool path = str_starts(r->target, "unix:/");

	if (path && str_eq(r->op, "bind"))
		add(o, r->target + strlen("unix:"), NONO_WRITE, false, refused);
	else if (path && !refused)
		add_name(&o->connected, &o->n_connected, r->target + strlen("unix:"));
	else if (refused && (path || str_starts(r->target, "abstract:")))
		add_socket(o, r->target);
	else if (!path && !str_starts(r->target, "abstract:") &&
		 !str_starts(r->target, "address family") && !str_starts(r->target, "unix:") &&
		 !str_starts(r->target, "no address"))
		o->network = true;
}

/* A host that the network proxy was asked for, whatever it said: "name:port/path". */
static void take_host(struct observed *o, const struct audit_record *r)
{
	size_t n = strcspn(r->target, "/");

	while (n && r->target[n - 1] != ':')
		n--;
	if (n < 2 || o->n_hosts >= HOSTS_MAX || str_starts(r->target2, "ended:") ||
	    str_eq(r->op, "proxy_died"))
		return;
	for (size_t i = 0; i < o->n_hosts; i++)
		if (strlen(o->hosts[i]) == n - 1 && memcmp(o->hosts[i], r->target, n - 1) == 0)
			return;
	o->hosts = xrealloc_array(o->hosts, o->n_hosts + 2, sizeof(*o->hosts));
	o->hosts[o->n_hosts++] = xstrndup(r->target, n - 1);
	o->hosts[o->n_hosts] = NULL;
}

static void take(struct observed *o, const struct audit_record *r)
{
	bool refused = str_eq(r->decision, "denied");

	if (str_eq(r->type, "network")) {
		take_host(o, r);
		return;
	}

	/* A connection that failed was one all the same. */
	if (str_eq(r->decision, "missing") || (r->err && !refused && !str_eq(r->type, "connect")))
		return;
	if (str_eq(r->type, "open")) {
		take_open(o, r, refused);
	} else if (str_eq(r->type, "change")) {
		take_change(o, r, refused);
	} else if (str_eq(r->type, "connect")) {
		take_connect(o, r, refused);
	} else if (str_eq(r->type, "exec")) {
		add(o, r->target, NONO_READ | NONO_EXEC, false, refused);
		if (!o->program && !refused) {
			o->program = xstrdup(r->target);
			o->self = xstrdup(r->program);
		}
	}
	/* A script's interpreter is opened by the kernel, which nobody sees. */
	if (o->self && r->program[0] == '/' && !str_eq(r->program, o->self) &&
	    !str_ends(r->program, " (deleted)"))
		add(o, r->program, NONO_READ | NONO_EXEC, false, false);
}

/* ---- what is there now ------------------------------------------------------------------- */

/* The nearest folder that exists has this very name, and no link on the way: what is granted by it
 * will be what was used. */
static bool leads_there(const char *path, char *dir, char *known, char *real)
{
	char *slash;

	str_copy(dir, POLICY_PATH_MAX, path);
	for (;;) {
		slash = strrchr(dir, '/');
		if (!slash || slash == dir)
			return true;
		*slash = '\0';
		if (str_eq(dir, known))
			return true;
		if (realpath(dir, real))
			break;
		if (errno != ENOENT && errno != ENOTDIR)
			return false;
	}
	if (!str_eq(dir, real))
		return false;
	str_copy(known, POLICY_PATH_MAX, dir);
	return true;
}

/* The table of numbers is made anew: some are gone. */
static void rebuild(struct observed *o)
{
	char dir[POLICY_PATH_MAX], known[POLICY_PATH_MAX] = "", real[PATH_MAX];
	size_t kept = 0;

	for (size_t i = 0; i < o->n; i++) {
		struct policy_access *a = &o->v[i];
		struct stat st;

		if (!leads_there(a->path, dir, known, real)) {
			free((char *)(uintptr_t)a->path);
			o->n_moved++;
			continue;
		}
		if (lstat(a->path, &st) < 0) {
			a->gone = errno == ENOENT;
		} else {
			a->dir = S_ISDIR(st.st_mode);
			a->link = S_ISLNK(st.st_mode);
		}
		o->v[kept++] = *a;
	}
	o->n = kept;
	if (o->cap)
		number(o);
}

int observed_add(const struct session_record *s, struct observed *out, struct err *err)
{
	struct audit_reader *reader;
	struct audit_line line;
	struct audit_record *r;
	int rc;

	out->open = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(s->json, "observe"));
	out->tmp = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(s->json, "tmp"));
	if (audit_reader_open(s->id, &reader, err) < 0)
		return -1;
	r = xcalloc(1, sizeof(*r));
	while ((rc = audit_reader_next(reader, &line, err)) == 1)
		if (audit_parse(line.json, line.json_len, r) == 0)
			take(out, r);
	free(r);
	audit_reader_free(reader);
	out->tmp = NULL;
	if (rc < 0)
		return -1;
	rebuild(out);
	return 0;
}

void observed_free(struct observed *o)
{
	for (size_t i = 0; i < o->n; i++)
		free((char *)(uintptr_t)o->v[i].path);
	free(o->v);
	free(o->table);
	free(o->program);
	free(o->self);
	strv_free(o->sockets);
	strv_free(o->connected);
	strv_free(o->hosts);
	*o = (struct observed){0};
}
