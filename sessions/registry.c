/* Session records on disk. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "audit/audit.h"
#include "sessions/names.h"
#include "sessions/registry.h"
#include "sessions/runtime.h"
#include "sessions/tree.h"

#define RECORD_MAX (1u << 20)

const char *session_status_name(enum session_status s)
{
	static const char *const names[] = {"running", "paused", "exited"};

	return names[s];
}

char *registry_dir(void)
{
	_cleanup_free_ char *state = dir_state();

	return xasprintf("%s/sessions", state);
}

char *registry_path(const char *id)
{
	_cleanup_free_ char *dir = registry_dir();

	return xasprintf("%s/%s.json", dir, id);
}

bool session_inside(void)
{
	const char *v = getenv("NONO_CAP_FILE");

	return v && *v;
}

int registry_write(const char *id, const cJSON *record, struct err *err)
{
	_cleanup_free_ char *path = registry_path(id);
	_cleanup_free_ char *tmp = xasprintf("%s.new", path);
	_cleanup_free_ char *text = cJSON_Print(record);
	_cleanup_close_ int fd = -1;

	if (!text)
		return err_set(err, "no memory for the record of session %s", id);
	unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || write_full(fd, text, strlen(text)) < 0 || write_full(fd, "\n", 1) < 0 ||
	    rename(tmp, path) < 0) {
		err_errno(err, errno, "can't write the session record %s", path);
		unlink(tmp);
		return -1;
	}
	return 0;
}

void registry_remove(const char *id)
{
	_cleanup_free_ char *path = registry_path(id);

	unlink(path);
}

void session_record_free(struct session_record *r)
{
	if (!r)
		return;
	free(r->profile);
	free(r->workdir);
	free(r->network);
	strv_free(r->command);
	cJSON_Delete(r->json);
	*r = (struct session_record){0};
}

void session_list_free(struct session_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		session_record_free(&l->v[i]);
	free(l->v);
	*l = (struct session_list){0};
}

/* ---- parsing --------------------------------------------------------------- */

static const char *member_str(const cJSON *o, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
}

static double member_num(const cJSON *o, const char *name, double other)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsNumber(v) ? v->valuedouble : other;
}

static char *dup_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static char **strings_of(const cJSON *array)
{
	int n = cJSON_GetArraySize(array);
	char **v = xcalloc((size_t)n + 1, sizeof(*v));
	const cJSON *e;
	int i = 0;

	cJSON_ArrayForEach(e, array)
	{
		const char *s = cJSON_GetStringValue(e);
		v[i++] = xstrdup(s ? s : "");
	}
	return v;
}

static pid_t member_pid(const cJSON *o, const char *name)
{
	double v = member_num(o, name, 0);

	return v >= 1 && v <= INT32_MAX ? (pid_t)v : 0;
}

int registry_parse(const char *text, size_t n, struct session_record *out)
{
	cJSON *o = cJSON_ParseWithLength(text, n);
	const char *id = member_str(o, "session_id"), *status = member_str(o, "status");
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(o, "exit_code");
	double epoch = member_num(o, "started_epoch", 0);
	const char *ns = member_str(o, "started_ns");

	*out = (struct session_record){0};
	if (!cJSON_IsObject(o) || !id || !runtime_id_valid(id) || !status) {
		cJSON_Delete(o);
		return -1;
	}
	str_copy(out->id, sizeof(out->id), id);
	str_copy(out->name, sizeof(out->name), member_str(o, "name") ? member_str(o, "name") : "");
	str_copy(out->started, sizeof(out->started),
		 member_str(o, "started") ? member_str(o, "started") : "");
	out->supervisor_pid = member_pid(o, "supervisor_pid");
	out->child_pid = member_pid(o, "child_pid");
	out->started_epoch = epoch > 0 && epoch < 9e15 ? (uint64_t)epoch : 0;
	out->started_ns = ns ? strtoull(ns, NULL, 10) : 0;
	out->status = str_eq(status, "running")	 ? SESSION_RUNNING
		      : str_eq(status, "paused") ? SESSION_PAUSED
						 : SESSION_EXITED;
	out->attached = str_eq(member_str(o, "attachment"), "attached");
	out->has_exit_code = cJSON_IsNumber(code);
	out->exit_code = out->has_exit_code ? code->valueint : 0;
	out->profile = dup_or_null(member_str(o, "profile"));
	out->workdir = xstrdup(member_str(o, "workdir") ? member_str(o, "workdir") : "");
	out->network = xstrdup(member_str(o, "network") ? member_str(o, "network") : "");
	out->command = strings_of(cJSON_GetObjectItemCaseSensitive(o, "command"));
	out->terminal = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "terminal"));
	out->json = o;
	return 0;
}

/* ---- reconciling ------------------------------------------------------------- */

static void set_member(cJSON *o, const char *name, cJSON *value)
{
	if (cJSON_GetObjectItemCaseSensitive(o, name))
		cJSON_ReplaceItemInObjectCaseSensitive(o, name, value);
	else
		cJSON_AddItemToObject(o, name, value);
}

/* The directories that the record names are only removed if they are those of its id. */
static void remove_leftovers(const struct session_record *r)
{
	const char *dir = member_str(r->json, "runtime_dir");
	_cleanup_free_ char *tmp = runtime_tmp_path(r->id);
	_cleanup_free_ char *usual = session_runtime_dir(r->id);

	runtime_remove(usual, tmp);
	if (dir && dir[0] == '/' && str_eq(path_base(dir), r->id))
		runtime_remove(dir, NULL);
}

/* A process that outlived its broker and its init (both were killed at once, without a pid
 * namespace) still is the record's program if pid and start time say so. */
static void kill_orphan(const struct session_record *r)
{
	double start = member_num(r->json, "child_epoch", 0);

	if (r->child_pid > 1 && start > 0 && proc_start_time(r->child_pid) == (uint64_t)start) {
		tree_kill(r->child_pid, 0);
		kill(r->child_pid, SIGKILL);
	}
}

static void adopt(struct session_record *r)
{
	_cleanup_free_ char *dir = registry_dir();
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_free_ char *path = registry_path(r->id), *text = NULL;
	struct session_record now;
	size_t n;

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return;
	/* Somebody else may have done it while we waited. */
	text = file_read(path, RECORD_MAX, &n, NULL);
	if (!text || registry_parse(text, n, &now) < 0)
		return;
	if (now.status != SESSION_EXITED) {
		kill_orphan(r);
		set_member(now.json, "status", cJSON_CreateString("exited"));
		set_member(now.json, "exit_code", cJSON_CreateNumber(-1));
		set_member(now.json, "attachment", cJSON_CreateString("detached"));
		registry_write(r->id, now.json, NULL);
		if (!cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(now.json, "audit")))
			audit_adopt(r->id, NULL);
	}
	remove_leftovers(r);
	if (r->name[0])
		name_release(r->name, r->id);
	session_record_free(&now);
}

static void reconcile(struct session_record *r)
{
	struct proc_stat st;
	bool alive = r->supervisor_pid > 0 && proc_stat_read(r->supervisor_pid, &st) == 0 &&
		     st.start_time == r->started_epoch && st.state != 'Z' && st.state != 'X';

	if (r->status == SESSION_EXITED)
		return;
	if (alive) {
		r->status = st.state == 'T' || st.state == 't' ? SESSION_PAUSED : SESSION_RUNNING;
		set_member(r->json, "status", cJSON_CreateString(session_status_name(r->status)));
		return;
	}
	adopt(r);
	r->status = SESSION_EXITED;
	r->has_exit_code = true;
	r->exit_code = -1;
	r->attached = false;
	set_member(r->json, "status", cJSON_CreateString("exited"));
	set_member(r->json, "exit_code", cJSON_CreateNumber(-1));
	set_member(r->json, "attachment", cJSON_CreateString("detached"));
}

/* ---- reading all --------------------------------------------------------------- */

/* A broker that was killed before its session had a record, or while it lingered after the end. */
static void sweep_one(void *data, const char *id)
{
	_cleanup_free_ char *record = registry_path(id), *dir = session_runtime_dir(id),
			    *tmp = runtime_tmp_path(id);

	(void)data;
	runtime_remove(dir, tmp);
	if (access(record, F_OK) < 0)
		audit_adopt(id, NULL);
}

DIR *registry_open(struct err *err)
{
	_cleanup_free_ char *dir = registry_dir();
	struct stat st;
	DIR *d;

	if (lstat(dir, &st) < 0 && errno == ENOENT)
		return NULL;
	if (dir_private(dir, err) < 0)
		return NULL;
	d = opendir(dir);
	if (!d)
		err_errno(err, errno, "can't read %s", dir);
	return d;
}

static int newer_first(const void *a, const void *b)
{
	const struct session_record *x = a, *y = b;

	if (x->started_ns != y->started_ns)
		return x->started_ns > y->started_ns ? -1 : 1;
	return strcmp(x->id, y->id);
}

void registry_read_one(int dir, const char *name, bool all, struct session_list *out, size_t *cap)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_free_ char *text = NULL;
	struct session_record r;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > (off_t)RECORD_MAX)
		return;
	text = xcalloc((size_t)st.st_size + 1, 1);
	n = read_full(fd, text, (size_t)st.st_size);
	/* Most records are of ended sessions: those need no parsing to be left out. */
	if (n <= 0 || (!all && strstr(text, "\"status\":\t\"exited\"")))
		return;
	if (registry_parse(text, (size_t)n, &r) < 0)
		return;
	reconcile(&r);
	if (!all && r.status == SESSION_EXITED) {
		session_record_free(&r);
		return;
	}
	if (out->n == *cap) {
		*cap = *cap ? *cap * 2 : 32;
		out->v = xrealloc_array(out->v, *cap, sizeof(*out->v));
	}
	out->v[out->n++] = r;
}

int session_list(bool all, struct session_list *out, struct err *err)
{
	struct err local = {0};
	struct dirent *de;
	size_t cap = 0;
	DIR *d;

	*out = (struct session_list){0};
	d = registry_open(&local);
	if (!d) {
		if (!local.msg[0])
			return 0; /* no session ever */
		if (err)
			*err = local;
		return -1;
	}
	while ((de = readdir(d))) {
		size_t n = strlen(de->d_name);
		if (n != SESSION_ID_LEN + 5 || !str_ends(de->d_name, ".json"))
			continue;
		registry_read_one(dirfd(d), de->d_name, all, out, &cap);
	}
	closedir(d);
	names_sweep(sweep_one, NULL);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), newer_first);
	return 0;
}

void session_sweep(void)
{
	runtime_sweep_tmp();
}

int session_prune(long older_than_days, long keep, bool dry_run, struct err *err)
{
	struct session_list l;
	uint64_t now = clock_real_ns();
	int removed = 0;
	long kept = 0;

	if (session_list(true, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		const struct session_record *r = &l.v[i];
		uint64_t age = now > r->started_ns ? now - r->started_ns : 0;
		if (r->status != SESSION_EXITED)
			continue;
		if (kept++ < keep)
			continue;
		if (older_than_days > 0 && age < (uint64_t)older_than_days * 86400u * 1000000000u)
			continue;
		if (!dry_run)
			registry_remove(r->id);
		removed++;
	}
	session_list_free(&l);
	return removed;
}
