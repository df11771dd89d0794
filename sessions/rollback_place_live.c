/* Sessions that were started before a place became one: their rules do not close it. */
#include "policy/profiles.h"
#include "sessions/rollback_place.h"
#include "sessions/sessions.h"

#define RULES_MAX (16u << 20)

/* Whose rules can't be read is no obstacle: it ends just now, or is another nono's. */
static bool reaches(const struct session_record *r, const char *path)
{
	const cJSON *dir = cJSON_GetObjectItemCaseSensitive(r->json, "runtime_dir");
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ char *file = NULL, *text = NULL;
	struct policy_verdict v;
	size_t n;

	if (!cJSON_IsString(dir))
		return false;
	file = xasprintf("%s/cap.json", dir->valuestring);
	text = file_read(file, RULES_MAX, &n, NULL);
	if (!text || policy_from_json(text, n, file, &p, NULL) < 0)
		return false;
	policy_check(p, path, NONO_WRITE, false, &v);
	return v.allowed;
}

int place_unreached(const char *path, struct err *err)
{
	struct session_list l;
	int rc = session_list(false, &l, err);

	for (size_t i = 0; i < l.n && rc == 0; i++)
		if (reaches(&l.v[i], path))
			rc =
			    err_set(err,
				    "--rollback-dest: the session %s (%.8s) was started before "
				    "snapshots were kept in %s, and may write there: end it first, "
				    "or name a place outside of what it may write",
				    l.v[i].name, l.v[i].id, path);
	session_list_free(&l);
	return rc;
}
