/* A profile as JSON in the shape that the reference's scripts know. */
#include "policy/views/profile.h"

/* Shown even when nothing was said; NULL: the list is empty. */
static const struct {
	const char *section, *member, *json;
} always[] = {
    {"security", "capability_elevation", "false"},
    {"groups", "include", "[]"},
    {"groups", "exclude", "[]"},
    {"commands", "allow", "[]"},
    {"commands", "deny", "[]"},
    {"filesystem", "allow", "[]"},
    {"filesystem", "read", "[]"},
    {"filesystem", "write", "[]"},
    {"filesystem", "allow_file", "[]"},
    {"filesystem", "read_file", "[]"},
    {"filesystem", "write_file", "[]"},
    {"filesystem", "deny", "[]"},
    {"filesystem", "bypass_protection", "[]"},
    {"filesystem", "suppress_save_prompt", "[]"},
    {"network", "block", "false"},
    {"network", "network_profile", "null"},
    {"network", "allow_domain", "[]"},
    {"network", "credentials", "[]"},
    {"network", "open_port", "[]"},
    {"network", "listen_port", "[]"},
    {"network", "upstream_proxy", "null"},
    {"network", "upstream_bypass", "[]"},
    {"workdir", "access", "\"none\""},
    {"rollback", "exclude_patterns", "[]"},
    {"rollback", "exclude_globs", "[]"},
};

/* Layers of command policies: lists grow, a command is completed member by member, an edge is
 * replaced as a whole (policy/commands/commands.h). */
#define EDGE_DEPTH 4

static void lay_over(cJSON *base, cJSON *top, int depth)
{
	while (top->child) {
		cJSON *e = cJSON_DetachItemViaPointer(top, top->child), *below;

		below = cJSON_GetObjectItemCaseSensitive(base, e->string);
		if (depth < EDGE_DEPTH && cJSON_IsObject(below) && cJSON_IsObject(e)) {
			lay_over(below, e, depth + 1);
			cJSON_Delete(e);
		} else if (depth == 0 && cJSON_IsArray(below) && cJSON_IsArray(e)) {
			while (e->child)
				cJSON_AddItemToArray(below,
						     cJSON_DetachItemViaPointer(e, e->child));
			cJSON_Delete(e);
		} else if (below) {
			cJSON_ReplaceItemInObjectCaseSensitive(base, e->string, e);
		} else {
			cJSON_AddItemToObject(base, e->string, e);
		}
	}
}

static void merge_layers(cJSON *profile)
{
	cJSON *layers = cJSON_DetachItemFromObjectCaseSensitive(profile, "command_policies"), *all;

	if (!cJSON_IsArray(layers) || !layers->child) {
		cJSON_Delete(layers);
		return;
	}
	all = cJSON_DetachItemViaPointer(layers, layers->child);
	while (layers->child) {
		cJSON *top = cJSON_DetachItemViaPointer(layers, layers->child);
		lay_over(all, top, 0);
		cJSON_Delete(top);
	}
	cJSON_Delete(layers);
	cJSON_AddItemToObject(profile, "command_policies", all);
}

static void add_always(cJSON *profile)
{
	for (size_t i = 0; i < ARRAY_LEN(always); i++) {
		cJSON *o = cJSON_GetObjectItemCaseSensitive(profile, always[i].section);

		if (!o)
			o = cJSON_AddObjectToObject(profile, always[i].section);
		if (!cJSON_GetObjectItemCaseSensitive(o, always[i].member))
			cJSON_AddItemToObject(o, always[i].member, cJSON_Parse(always[i].json));
	}
}

cJSON *view_profile(const struct policy_profile *p)
{
	_cleanup_(buf_free) struct buf text = {0};
	const struct entries *extends = &p->own->extends;
	cJSON *body, *j = cJSON_CreateObject(), *names = NULL;

	policy_profile_to_json(p->merged, &text);
	body = cJSON_ParseWithLength(text.data, text.len);
	cJSON_DeleteItemFromObjectCaseSensitive(body, "meta");
	cJSON_DeleteItemFromObjectCaseSensitive(body, "extends");
	merge_layers(body);
	add_always(body);
	for (size_t i = 0; i < extends->n; i++) {
		if (!names)
			names = cJSON_CreateArray();
		cJSON_AddItemToArray(names, cJSON_CreateString(extends->v[i].text));
	}
	cJSON_AddStringToObject(j, "name", p->merged->name ? p->merged->name : "");
	cJSON_AddStringToObject(j, "description",
				p->merged->description ? p->merged->description : "");
	cJSON_AddItemToObject(j, "extends", names ? names : cJSON_CreateNull());
	while (body && body->child) {
		cJSON *e = cJSON_DetachItemViaPointer(body, body->child);
		_cleanup_free_ char *name = xstrdup(e->string);
		cJSON_AddItemToObject(j, name, e);
	}
	cJSON_Delete(body);
	return j;
}
