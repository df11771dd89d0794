/* Reading one profile: every member by name, anything else is an error. */
#include "policy/profile.h"
#include "policy/json.h"
#include "policy/policy.h"

#define ENTRIES_MAX 4096

const char *const profile_fs_names[FS_LISTS] = {
    [FS_ALLOW] = "allow",
    [FS_READ] = "read",
    [FS_WRITE] = "write",
    [FS_ALLOW_FILE] = "allow_file",
    [FS_READ_FILE] = "read_file",
    [FS_WRITE_FILE] = "write_file",
    [FS_STATE] = "state",
    [FS_DENY] = "deny",
    [FS_PROTECT] = "protect",
    [FS_BYPASS] = "bypass_protection",
    [FS_UNIX_SOCKET] = "unix_socket",
    [FS_UNIX_SOCKET_DIR] = "unix_socket_dir",
    [FS_UNIX_SOCKET_SUBTREE] = "unix_socket_subtree",
    [FS_SUPPRESS_SAVE] = "suppress_save_prompt",
};

bool list_has(const struct list *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], s) == 0)
			return true;
	return false;
}

void list_add(struct list *l, const char *s)
{
	if (list_has(l, s))
		return;
	l->v = xrealloc_array(l->v, l->n + 2, sizeof(*l->v));
	l->v[l->n++] = xstrdup(s);
	l->v[l->n] = NULL;
}

void list_append(struct list *l, const struct list *from)
{
	for (size_t i = 0; i < from->n; i++)
		list_add(l, from->v[i]);
}

void list_free(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct list){0};
}

void profile_free(struct profile *p)
{
	free(p->name);
	free(p->description);
	list_free(&p->extends);
	list_free(&p->include);
	list_free(&p->exclude);
	for (int i = 0; i < FS_LISTS; i++)
		list_free(&p->fs[i]);
	list_free(&p->env_allow);
	list_free(&p->env_deny);
	list_free(&p->env_set);
	p->name = p->description = NULL;
}

/* ---- members ----------------------------------------------------------- */

struct reader {
	const char *text; /* for the line of a member */
	size_t n;
	const char *label;
	struct err *err;
};

static int bad(const struct reader *r, const cJSON *j, const char *where, const char *what)
{
	unsigned line = 0;
	const char *name = j->string ? j->string : where;
	_cleanup_free_ char *quoted = xasprintf("\"%s\"", name);
	const char *at = memmem(r->text, r->n, quoted, strlen(quoted));

	if (at) {
		line = 1;
		for (const char *p = r->text; p < at; p++)
			line += *p == '\n';
		return err_set(r->err, "%s:%u: %s%s\"%s\": %s", r->label, line, where,
			       *where ? "." : "", name, what);
	}
	return err_set(r->err, "%s: %s%s\"%s\": %s", r->label, where, *where ? "." : "", name,
		       what);
}

static int read_bool(const struct reader *r, const cJSON *j, const char *where, int *out)
{
	if (!cJSON_IsBool(j))
		return bad(r, j, where, "must be true or false");
	*out = cJSON_IsTrue(j);
	return 0;
}

static int read_string(const struct reader *r, const cJSON *j, const char *where, char **out)
{
	if (!cJSON_IsString(j) || strlen(j->valuestring) >= POLICY_PATH_MAX)
		return bad(r, j, where, "must be a string");
	free(*out);
	*out = xstrdup(j->valuestring);
	return 0;
}

/* "linux", "!macos", or a list of which one must hold. Versions and distributions are not known. */
static int read_when(const struct reader *r, const cJSON *j, const char *where, bool *holds)
{
	const cJSON *e;

	if (cJSON_IsArray(j)) {
		bool any = false;
		cJSON_ArrayForEach(e, j)
		{
			if (!cJSON_IsString(e) || read_when(r, e, where, &any) < 0)
				return bad(r, j, where, "must be strings");
			if (any)
				*holds = true;
		}
		return 0;
	}
	if (!cJSON_IsString(j))
		return bad(r, j, where, "must be a string or a list of strings");
	const char *s = j->valuestring;
	bool not = *s == '!';
	if (not )
		s++;
	if (strcmp(s, "linux") == 0)
		*holds = !not ;
	else if (strcmp(s, "macos") == 0 || str_starts(s, "macos:"))
		*holds = not ;
	else
		return bad(r, j, where, "not a condition that is known here (linux, macos, !...)");
	return 0;
}

static int read_list(const struct reader *r, const cJSON *j, const char *where, struct list *out)
{
	const cJSON *e;

	if (!cJSON_IsArray(j) || cJSON_GetArraySize(j) > ENTRIES_MAX)
		return bad(r, j, where, "must be a list of strings");
	cJSON_ArrayForEach(e, j)
	{
		const cJSON *s = e, *m;
		bool holds = true;

		if (cJSON_IsObject(e)) { /* {path, when} */
			s = NULL;
			cJSON_ArrayForEach(m, e)
			{
				if (strcmp(m->string, "path") == 0)
					s = m;
				else if (strcmp(m->string, "when") == 0) {
					holds = false;
					if (read_when(r, m, where, &holds) < 0)
						return -1;
				} else
					return bad(r, m, where, "unknown member");
			}
		}
		if (!s || !cJSON_IsString(s) || !*s->valuestring ||
		    strlen(s->valuestring) >= POLICY_PATH_MAX)
			return bad(r, j, where, "must be a list of strings");
		if (holds)
			list_add(out, s->valuestring);
	}
	return 0;
}

typedef int member_fn(const struct reader *r, const cJSON *j, struct profile *p);

static int read_meta(const struct reader *r, const cJSON *j, struct profile *p)
{
	const cJSON *m;

	cJSON_ArrayForEach(m, j)
	{
		char *ignored = NULL;
		int rc;

		if (strcmp(m->string, "name") == 0)
			rc = read_string(r, m, "meta", &p->name);
		else if (strcmp(m->string, "description") == 0)
			rc = read_string(r, m, "meta", &p->description);
		else if (strcmp(m->string, "version") == 0 || strcmp(m->string, "author") == 0)
			rc = read_string(r, m, "meta", &ignored);
		else
			rc = bad(r, m, "meta", "unknown member");
		free(ignored);
		if (rc < 0)
			return -1;
	}
	if (!p->name)
		return bad(r, j, "", "needs a \"name\"");
	return 0;
}

static int read_security(const struct reader *r, const cJSON *j, struct profile *p)
{
	const cJSON *m;

	cJSON_ArrayForEach(m, j)
	{
		if (strcmp(m->string, "capability_elevation") != 0)
			return bad(r, m, "security", "unknown or not supported");
		if (read_bool(r, m, "security", &p->elevation) < 0)
			return -1;
	}
	return 0;
}

static int read_groups(const struct reader *r, const cJSON *j, struct profile *p)
{
	const cJSON *m;

	cJSON_ArrayForEach(m, j)
	{
		struct list *l = strcmp(m->string, "include") == 0   ? &p->include
				 : strcmp(m->string, "exclude") == 0 ? &p->exclude
								     : NULL;
		if (!l)
			return bad(r, m, "groups", "unknown member");
		if (read_list(r, m, "groups", l) < 0)
			return -1;
	}
	return 0;
}

static int read_filesystem(const struct reader *r, const cJSON *j, struct profile *p)
{
	const cJSON *m;

	cJSON_ArrayForEach(m, j)
	{
		int i = 0;

		while (i < FS_LISTS && strcmp(m->string, profile_fs_names[i]) != 0)
			i++;
		if (i == FS_LISTS)
			return bad(r, m, "filesystem", "unknown or not supported");
		if (read_list(r, m, "filesystem", &p->fs[i]) < 0)
			return -1;
	}
	return 0;
}

static int read_network(const struct reader *r, const cJSON *j, struct profile *p)
{
	const cJSON *m;

	cJSON_ArrayForEach(m, j)
	{
		if (strcmp(m->string, "block") != 0)
			return bad(r, m, "network", "unknown or not supported");
		if (read_bool(r, m, "network", &p->block_net) < 0)
			return -1;
	}
	return 0;
}

static int read_workdir(const struct reader *r, const cJSON *j, struct profile *p)
{
	static const struct {
		const char *name;
		int access;
	} words[] = {
	    {"none", 0},
	    {"read", NONO_READ | NONO_EXEC},
	    {"write", NONO_WRITE},
	    {"readwrite", NONO_READ | NONO_WRITE | NONO_EXEC},
	};
	const cJSON *m;

	cJSON_ArrayForEach(m, j)
	{
		if (strcmp(m->string, "access") != 0)
			return bad(r, m, "workdir", "unknown member");
		p->workdir = -1;
		for (size_t i = 0; cJSON_IsString(m) && i < ARRAY_LEN(words); i++)
			if (strcmp(m->valuestring, words[i].name) == 0)
				p->workdir = words[i].access;
		if (p->workdir < 0)
			return bad(r, m, "workdir", "must be none, read, write or readwrite");
	}
	return 0;
}

static bool env_name_ok(const char *s)
{
	size_t i = 0;

	for (; s[i]; i++)
		if (!(s[i] == '_' || (s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= 'a' && s[i] <= 'z') ||
		      (i && s[i] >= '0' && s[i] <= '9')))
			return false;
	return i > 0;
}

static int read_environment(const struct reader *r, const cJSON *j, struct profile *p)
{
	const cJSON *m, *v;

	cJSON_ArrayForEach(m, j)
	{
		if (strcmp(m->string, "allow_vars") == 0) {
			p->has_env_allow = true;
			if (read_list(r, m, "environment", &p->env_allow) < 0)
				return -1;
		} else if (strcmp(m->string, "deny_vars") == 0) {
			if (read_list(r, m, "environment", &p->env_deny) < 0)
				return -1;
		} else if (strcmp(m->string, "set_vars") == 0) {
			if (!cJSON_IsObject(m))
				return bad(r, m, "environment", "must be an object");
			cJSON_ArrayForEach(v, m)
			{
				_cleanup_free_ char *pair = NULL;

				if (!env_name_ok(v->string) || strcmp(v->string, "PATH") == 0 ||
				    str_starts(v->string, "NONO_"))
					return bad(r, v, "set_vars", "can't be set by a profile");
				if (!cJSON_IsString(v))
					return bad(r, v, "set_vars", "must be a string");
				pair = xasprintf("%s=%s", v->string, v->valuestring);
				list_add(&p->env_set, pair);
			}
		} else
			return bad(r, m, "environment", "unknown member");
	}
	return 0;
}

static int read_workspace(const struct reader *r, const cJSON *j, struct profile *p)
{
	const cJSON *m;

	cJSON_ArrayForEach(m, j)
	{
		if (strcmp(m->string, "protect_autorun") != 0)
			return bad(r, m, "workspace", "unknown member");
		if (read_bool(r, m, "workspace", &p->protect_autorun) < 0)
			return -1;
	}
	return 0;
}

static const struct {
	const char *name;
	member_fn *fn;
} objects[] = {
    {"meta", read_meta},
    {"security", read_security},
    {"groups", read_groups},
    {"filesystem", read_filesystem},
    {"network", read_network},
    {"workdir", read_workdir},
    {"environment", read_environment},
    {"workspace", read_workspace},
};

static int read_member(const struct reader *r, const cJSON *m, struct profile *p)
{
	if (strcmp(m->string, "$schema") == 0)
		return 0;
	if (strcmp(m->string, "extends") == 0) {
		if (cJSON_IsString(m) && *m->valuestring) {
			list_add(&p->extends, m->valuestring);
			return 0;
		}
		if (read_list(r, m, "", &p->extends) < 0)
			return -1;
		return p->extends.n ? 0 : bad(r, m, "", "must not be empty");
	}
	if (strcmp(m->string, "private_tmp") == 0)
		return read_bool(r, m, "", &p->private_tmp);
	for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
		if (strcmp(m->string, objects[i].name) != 0)
			continue;
		if (!cJSON_IsObject(m))
			return bad(r, m, "", "must be an object");
		return objects[i].fn(r, m, p);
	}
	return bad(r, m, "", "unknown or not supported");
}

struct profile *profile_parse(const char *text, size_t n, const char *label, struct err *err)
{
	struct reader r = {text, n, label, err};
	_cleanup_json_ cJSON *j = json_parse(text, n, label, err);
	_cleanup_(profile_freep) struct profile *p = NULL;
	const cJSON *m;

	if (!j)
		return NULL;
	if (!cJSON_IsObject(j)) {
		err_set(err, "%s: a profile must be an object", label);
		return NULL;
	}
	p = xcalloc(1, sizeof(*p));
	p->workdir = p->elevation = p->block_net = p->protect_autorun = p->private_tmp = -1;
	cJSON_ArrayForEach(m, j)
	{
		if (read_member(&r, m, p) < 0)
			return NULL;
	}
	return STEAL_PTR(p);
}

/* ---- merge ------------------------------------------------------------- */

static void merge_env_set(struct list *base, const struct list *child)
{
	for (size_t i = 0; i < child->n; i++) {
		size_t name = (size_t)(strchr(child->v[i], '=') - child->v[i]) + 1;
		bool found = false;

		for (size_t k = 0; k < base->n && !found; k++) {
			if (strncmp(base->v[k], child->v[i], name) != 0)
				continue;
			free(base->v[k]);
			base->v[k] = xstrdup(child->v[i]);
			found = true;
		}
		if (!found)
			list_add(base, child->v[i]);
	}
}

static void merge_flag(int *base, int child)
{
	if (child >= 0)
		*base = child;
}

void profile_merge(struct profile *base, const struct profile *child)
{
	if (child->name) {
		free(base->name);
		base->name = xstrdup(child->name);
		free(base->description);
		base->description = child->description ? xstrdup(child->description) : NULL;
	}
	list_append(&base->include, &child->include);
	list_append(&base->exclude, &child->exclude);
	for (int i = 0; i < FS_LISTS; i++)
		list_append(&base->fs[i], &child->fs[i]);
	if (child->has_env_allow) {
		base->has_env_allow = true;
		list_append(&base->env_allow, &child->env_allow);
	}
	list_append(&base->env_deny, &child->env_deny);
	merge_env_set(&base->env_set, &child->env_set);
	if (child->workdir > 0) /* "none" can't take the base's grant away */
		base->workdir = child->workdir;
	else if (base->workdir < 0)
		base->workdir = child->workdir;
	merge_flag(&base->elevation, child->elevation);
	if (child->block_net > 0) /* OR: a child can't open what the base closed */
		base->block_net = 1;
	merge_flag(&base->protect_autorun, child->protect_autorun);
	merge_flag(&base->private_tmp, child->private_tmp);
}
