/* The built-in groups for who looks at them. */
#include "policy/views/groups.h"

#include "policy/assets.h"
#include "policy/resolve.h"

static bool is_here(const struct doc *group)
{
	const char *platform = doc_text(group, "platform");

	return !platform || str_eq(platform, "linux");
}

bool policy_group_exists(const char *name)
{
	return doc_get(asset_groups.root, name) != NULL;
}

bool view_group_required(const char *name)
{
	return doc_flag(doc_get(asset_groups.root, name), "required", false);
}

void view_remark(cJSON *list, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cJSON_AddItemToArray(list, cJSON_CreateString(text));
}

static cJSON *head(const struct doc *group)
{
	cJSON *o = cJSON_CreateObject();
	const char *platform = doc_text(group, "platform"), *text = doc_text(group, "description");

	cJSON_AddStringToObject(o, "name", group->name);
	cJSON_AddStringToObject(o, "description", text ? text : "");
	cJSON_AddStringToObject(o, "platform", platform ? platform : "cross-platform");
	cJSON_AddBoolToObject(o, "required", doc_flag(group, "required", false));
	return o;
}

static size_t count(const struct doc *section, const char *name)
{
	const struct doc *list = doc_get(section, name);

	return list && list->kind == DOC_LIST ? list->count : 0;
}

static void add_counts(cJSON *o, const struct doc *group, const char *section,
		       const char *const *names)
{
	const struct doc *lists = doc_get(group, section);
	cJSON *counts = cJSON_AddObjectToObject(o, section);

	for (; lists && *names; names++)
		cJSON_AddNumberToObject(counts, *names, (double)count(lists, *names));
}

struct cJSON *policy_groups_json(bool all_platforms)
{
	static const char *const allow[] = {"read", "data", "write", "readwrite", "device", NULL};
	static const char *const deny[] = {"access", "write", "commands", NULL};
	cJSON *all = cJSON_CreateArray(), *o;
	doc_each(g, asset_groups.root)
	{
		if (!all_platforms && !is_here(g))
			continue;
		o = head(g);
		add_counts(o, g, "allow", allow);
		add_counts(o, g, "deny", deny);
		if (doc_get(g, "deny"))
			cJSON_AddBoolToObject(cJSON_GetObjectItemCaseSensitive(o, "deny"), "unlink",
					      doc_flag(doc_get(g, "deny"), "unlink", false));
		cJSON_AddItemToArray(all, o);
	}
	return all;
}

static cJSON *path_json(const struct resolver *r, const char *raw)
{
	cJSON *o = cJSON_CreateObject();
	bool unset = false;
	_cleanup_free_ char *path = expand_path(r, raw, "group", &unset);

	cJSON_AddStringToObject(o, "raw", raw);
	cJSON_AddStringToObject(o, "expanded", path ? path : "");
	return o;
}

static cJSON *list_json(const struct resolver *r, const struct doc *list)
{
	cJSON *a = cJSON_CreateArray();
	bool paths = !str_eq(list->name, "commands");

	doc_each(e, list)
	{
		if (e->kind == DOC_STRING)
			cJSON_AddItemToArray(a, paths ? path_json(r, e->string)
						      : cJSON_CreateString(e->string));
	}
	return a;
}

static void add_section(cJSON *o, const struct resolver *r, const struct doc *group,
			const char *name)
{
	const struct doc *section = doc_get(group, name);
	cJSON *j = section ? cJSON_AddObjectToObject(o, name) : NULL;

	doc_each(list, section)
	{
		if (list->kind == DOC_LIST)
			cJSON_AddItemToObject(j, list->name, list_json(r, list));
		else if (list->kind == DOC_BOOL)
			cJSON_AddBoolToObject(j, list->name, list->boolean);
	}
}

struct cJSON *policy_group_json(const char *name, struct err *err)
{
	const struct doc *group = doc_get(asset_groups.root, name);
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct resolver r = {.err = NULL};
	cJSON *o;

	if (!group) {
		err_set(err, "there is no group \"%.100s\"; nono profile groups lists them", name);
		return NULL;
	}
	p = r.p = xcalloc(1, sizeof(*p));
	p->home = dir_home();
	p->workdir = getcwd(NULL, 0);
	if (!p->workdir)
		p->workdir = xstrdup("/");
	o = head(group);
	if (doc_text(group, "label"))
		cJSON_AddStringToObject(o, "label", doc_text(group, "label"));
	add_section(o, &r, group, "allow");
	add_section(o, &r, group, "deny");
	resolver_free(&r);
	return o;
}
