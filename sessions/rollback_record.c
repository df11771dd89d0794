/* <state>/rollbacks/ID/session.json: what the snapshots of a session are about. */
#include <dirent.h>
#include <sys/stat.h>

#include "sessions/rollback_record.h"

#define RECORD_MAX (4u << 20)

static char *record_path(const char *id)
{
	_cleanup_free_ char *state = dir_state();

	return xasprintf("%s/rollbacks/%s/session.json", state, id);
}

static cJSON *list_json(char *const *v)
{
	cJSON *a = cJSON_CreateArray();

	for (; v && *v; v++)
		cJSON_AddItemToArray(a, cJSON_CreateString(*v));
	return a;
}

static char **list_parse(const cJSON *a)
{
	char **v = xcalloc((size_t)cJSON_GetArraySize(a) + 1, sizeof(*v));
	const cJSON *i;
	size_t n = 0;

	cJSON_ArrayForEach(i, a) if (cJSON_IsString(i)) v[n++] = xstrdup(i->valuestring);
	return v;
}

int rollback_record_write(const struct rollback_record *r, struct err *err)
{
	_cleanup_free_ char *path = record_path(r->id), *text = NULL;
	_cleanup_free_ char *dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "session_id", r->id);
	cJSON_AddStringToObject(o, "started", r->started);
	if (r->ended[0])
		cJSON_AddStringToObject(o, "ended", r->ended);
	else
		cJSON_AddNullToObject(o, "ended");
	cJSON_AddItemToObject(o, "command", list_json(r->command));
	cJSON_AddItemToObject(o, "tracked_paths", list_json(r->roots));
	cJSON_AddItemToObject(o, "excludes", list_json(r->excludes));
	if (r->store) {
		cJSON_AddStringToObject(o, "store", r->store);
		cJSON_AddStringToObject(o, "store_id", r->store_id);
	}
	cJSON_AddNumberToObject(o, "snapshot_count", r->count);
	if (r->ended[0])
		cJSON_AddNumberToObject(o, "exit_code", r->exit_code);
	else
		cJSON_AddNullToObject(o, "exit_code");
	cJSON_AddNumberToObject(o, "pid", r->pid);
	cJSON_AddNumberToObject(o, "pid_epoch", (double)r->pid_epoch);
	text = cJSON_Print(o);
	cJSON_Delete(o);
	if (dir_private(dir, err) < 0)
		return -1;
	return file_write_atomic(path, 0600, text, strlen(text), err);
}

static void copy_time(char out[TIME_STR_MAX], const cJSON *v)
{
	str_copy(out, TIME_STR_MAX, cJSON_IsString(v) ? v->valuestring : "");
}

int rollback_record_load(const char *id, struct rollback_record *out, struct err *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	const cJSON *v;
	cJSON *o;

	*out = (struct rollback_record){0};
	if (!snap_name_ok(id))
		return err_usage(err, "%s is no session id", id);
	path = record_path(id);
	text = file_read(path, RECORD_MAX, NULL, err);
	o = text ? cJSON_Parse(text) : NULL;
	if (!cJSON_IsObject(o)) {
		cJSON_Delete(o);
		return text ? err_set(err, "%s is damaged", path) : -1;
	}
	str_copy(out->id, sizeof(out->id), id);
	copy_time(out->started, cJSON_GetObjectItemCaseSensitive(o, "started"));
	copy_time(out->ended, cJSON_GetObjectItemCaseSensitive(o, "ended"));
	out->command = list_parse(cJSON_GetObjectItemCaseSensitive(o, "command"));
	out->roots = list_parse(cJSON_GetObjectItemCaseSensitive(o, "tracked_paths"));
	out->excludes = list_parse(cJSON_GetObjectItemCaseSensitive(o, "excludes"));
	v = cJSON_GetObjectItemCaseSensitive(o, "store");
	out->store = cJSON_IsString(v) ? xstrdup(v->valuestring) : NULL;
	v = cJSON_GetObjectItemCaseSensitive(o, "store_id");
	str_copy(out->store_id, sizeof(out->store_id), cJSON_IsString(v) ? v->valuestring : "");
	v = cJSON_GetObjectItemCaseSensitive(o, "exit_code");
	out->exit_code = cJSON_IsNumber(v) ? v->valueint : 0;
	v = cJSON_GetObjectItemCaseSensitive(o, "snapshot_count");
	out->count = cJSON_IsNumber(v) && v->valueint > 0 ? (unsigned)v->valueint : 0;
	v = cJSON_GetObjectItemCaseSensitive(o, "pid");
	out->pid = cJSON_IsNumber(v) ? v->valueint : 0;
	v = cJSON_GetObjectItemCaseSensitive(o, "pid_epoch");
	out->pid_epoch = cJSON_IsNumber(v) && v->valuedouble > 0 ? (uint64_t)v->valuedouble : 0;
	cJSON_Delete(o);
	return 0;
}

void rollback_record_free(struct rollback_record *r)
{
	strv_free(r->command);
	strv_free(r->roots);
	strv_free(r->excludes);
	free(r->store);
	*r = (struct rollback_record){0};
}

bool rollback_alive(const struct rollback_record *r)
{
	return !r->ended[0] && r->pid > 0 && proc_start_time(r->pid) == r->pid_epoch;
}

int rollback_record_remove(const char *id, struct err *err)
{
	_cleanup_free_ char *path = record_path(id), *dir = NULL, *snapshots = NULL, *marks = NULL;

	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno(err, errno, "can't remove %s", path);
	dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	snapshots = xasprintf("%s/snapshots", dir);
	marks = xasprintf("%s/accepted", dir);
	if (unlink(marks) < 0 && errno != ENOENT)
		return err_errno(err, errno, "can't remove %s", marks);
	if ((rmdir(snapshots) < 0 && errno != ENOENT) || (rmdir(dir) < 0 && errno != ENOENT))
		return err_errno(err, errno, "can't remove %s", dir);
	return 0;
}
