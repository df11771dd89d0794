/* Two profiles beside each other, member by member. */
#include "policy/views/profile.h"

/* Lists are compared as sets, maps by name, everything else as a whole. */
enum compare { AS_WHOLE = 0, AS_SET, AS_MAP };

static const struct {
	const char *to;	  /* where the answer goes: "network.block" */
	const char *from; /* where the member is in view_profile()'s answer */
	enum compare how;
} rows[] = {
    {"groups", "groups.include", AS_SET},
    {"commands.allow", "commands.allow", AS_SET},
    {"commands.deny", "commands.deny", AS_SET},
    {"capability_elevation", "security.capability_elevation", AS_WHOLE},
    {"signal_mode", "security.signal_mode", AS_WHOLE},
    {"process_info_mode", "security.process_info_mode", AS_WHOLE},
    {"ipc_mode", "security.ipc_mode", AS_WHOLE},
    {"wsl2_proxy_policy", "security.wsl2_proxy_policy", AS_WHOLE},
    {"linux.af_unix_mediation", "linux.af_unix_mediation", AS_WHOLE},
    {"linux.sandbox_policy", "linux.sandbox_policy", AS_WHOLE},
    {"groups_excluded", "groups.exclude", AS_SET},
    {"filesystem.allow", "filesystem.allow", AS_SET},
    {"filesystem.read", "filesystem.read", AS_SET},
    {"filesystem.write", "filesystem.write", AS_SET},
    {"filesystem.execute", "filesystem.execute", AS_SET},
    {"filesystem.allow_file", "filesystem.allow_file", AS_SET},
    {"filesystem.read_file", "filesystem.read_file", AS_SET},
    {"filesystem.write_file", "filesystem.write_file", AS_SET},
    {"filesystem.state", "filesystem.state", AS_SET},
    {"filesystem.deny", "filesystem.deny", AS_SET},
    {"filesystem.protect", "filesystem.protect", AS_SET},
    {"filesystem.bypass_protection", "filesystem.bypass_protection", AS_SET},
    {"filesystem.suppress_save_prompt", "filesystem.suppress_save_prompt", AS_SET},
    {"filesystem.unix_socket", "filesystem.unix_socket", AS_SET},
    {"filesystem.unix_socket_bind", "filesystem.unix_socket_bind", AS_SET},
    {"filesystem.unix_socket_dir", "filesystem.unix_socket_dir", AS_SET},
    {"filesystem.unix_socket_dir_bind", "filesystem.unix_socket_dir_bind", AS_SET},
    {"filesystem.unix_socket_subtree", "filesystem.unix_socket_subtree", AS_SET},
    {"filesystem.unix_socket_subtree_bind", "filesystem.unix_socket_subtree_bind", AS_SET},
    {"workdir", "workdir.access", AS_WHOLE},
    {"network.block", "network.block", AS_WHOLE},
    {"network.network_profile", "network.network_profile", AS_WHOLE},
    {"network.allow_domain", "network.allow_domain", AS_SET},
    {"network.deny_domain", "network.deny_domain", AS_SET},
    {"network.credentials", "network.credentials", AS_SET},
    {"network.approved_endpoints", "network.approved_endpoints", AS_SET},
    {"network.refused_endpoints", "network.refused_endpoints", AS_SET},
    {"network.open_port", "network.open_port", AS_WHOLE},
    {"network.listen_port", "network.listen_port", AS_WHOLE},
    {"network.connect_port", "network.connect_port", AS_WHOLE},
    {"network.upstream_proxy", "network.upstream_proxy", AS_WHOLE},
    {"network.upstream_bypass", "network.upstream_bypass", AS_SET},
    {"network.custom_credentials", "network.custom_credentials", AS_MAP},
    {"network.tls_intercept", "network.tls_intercept", AS_WHOLE},
    {"env_credentials", "env_credentials", AS_WHOLE},
    {"environment.allow_vars", "environment.allow_vars", AS_SET},
    {"environment.deny_vars", "environment.deny_vars", AS_SET},
    {"environment.set_vars", "environment.set_vars", AS_MAP},
    {"command_policies", "command_policies.commands", AS_MAP},
    {"hooks", "hooks", AS_MAP},
    {"session_hooks.before", "session_hooks.before", AS_WHOLE},
    {"session_hooks.after", "session_hooks.after", AS_WHOLE},
    {"rollback.exclude_patterns", "rollback.exclude_patterns", AS_SET},
    {"rollback.exclude_globs", "rollback.exclude_globs", AS_SET},
    {"open_urls.allow_origins", "open_urls.allow_origins", AS_SET},
    {"open_urls.allow_localhost", "open_urls.allow_localhost", AS_WHOLE},
    {"allow_launch_services", "allow_launch_services", AS_WHOLE},
    {"allow_gpu", "allow_gpu", AS_WHOLE},
    {"binary", "binary", AS_WHOLE},
    {"command_args", "command_args", AS_WHOLE},
    {"private_tmp", "private_tmp", AS_WHOLE},
    {"workspace.protect_autorun", "workspace.protect_autorun", AS_WHOLE},
    {"resources", "resources", AS_WHOLE},
    {"audit", "audit", AS_WHOLE},
};

static const cJSON *at(const cJSON *j, const char *path)
{
	while (j && *path) {
		size_t n = strcspn(path, ".");
		char name[64];

		if (n >= sizeof(name))
			return NULL;
		memcpy(name, path, n);
		name[n] = '\0';
		j = cJSON_GetObjectItemCaseSensitive(j, name);
		path += n + (path[n] == '.');
	}
	return j;
}

/* The object that holds the last word of path; made where it is missing. */
static cJSON *holder(cJSON *j, const char *path, const char **last)
{
	const char *dot = strchr(path, '.');
	char name[64];
	cJSON *o;

	if (!dot || (size_t)(dot - path) >= sizeof(name)) {
		*last = path;
		return j;
	}
	memcpy(name, path, (size_t)(dot - path));
	name[dot - path] = '\0';
	o = cJSON_GetObjectItemCaseSensitive(j, name);
	*last = dot + 1;
	return o ? o : cJSON_AddObjectToObject(j, name);
}

static cJSON *copy(const cJSON *j)
{
	return j ? cJSON_Duplicate(j, true) : cJSON_CreateNull();
}

static bool same(const cJSON *a, const cJSON *b)
{
	return a && b ? cJSON_Compare(a, b, true) : a == b;
}

/* By name; what stands for a domain that is narrowed is its name. */
static const char *item_name(const cJSON *e)
{
	const cJSON *d = cJSON_IsObject(e) ? cJSON_GetObjectItemCaseSensitive(e, "domain") : e;

	return cJSON_IsString(d) ? d->valuestring : "";
}

static bool set_has(const cJSON *set, const char *name)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, set)
	{
		if (str_eq(item_name(e), name))
			return true;
	}
	return false;
}

static cJSON *only_in(const cJSON *a, const cJSON *b)
{
	cJSON *out = cJSON_CreateArray();
	const cJSON *e;

	cJSON_ArrayForEach(e, a)
	{
		if (!set_has(b, item_name(e)))
			cJSON_AddItemToArray(out, cJSON_CreateString(item_name(e)));
	}
	return out;
}

static cJSON *names_only_in(const cJSON *a, const cJSON *b)
{
	cJSON *out = cJSON_CreateArray();
	const cJSON *e;

	cJSON_ArrayForEach(e, a)
	{
		if (!cJSON_GetObjectItemCaseSensitive(b, e->string))
			cJSON_AddItemToArray(out, cJSON_CreateString(e->string));
	}
	return out;
}

static cJSON *both(const cJSON *a, const cJSON *b)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddItemToObject(o, "profile1", copy(a));
	cJSON_AddItemToObject(o, "profile2", copy(b));
	return o;
}

static cJSON *compare_maps(const cJSON *a, const cJSON *b)
{
	cJSON *o = cJSON_CreateObject(), *changed;
	const cJSON *e, *other;

	cJSON_AddItemToObject(o, "added", names_only_in(b, a));
	cJSON_AddItemToObject(o, "removed", names_only_in(a, b));
	changed = cJSON_AddObjectToObject(o, "changed");
	cJSON_ArrayForEach(e, a)
	{
		other = cJSON_GetObjectItemCaseSensitive(b, e->string);
		if (other && !same(e, other))
			cJSON_AddItemToObject(changed, e->string, both(e, other));
	}
	return o;
}

static cJSON *compare(const cJSON *a, const cJSON *b, enum compare how)
{
	cJSON *o;

	if (how == AS_MAP)
		return compare_maps(a, b);
	if (how == AS_SET) {
		o = cJSON_CreateObject();
		cJSON_AddItemToObject(o, "added", only_in(b, a));
		cJSON_AddItemToObject(o, "removed", only_in(a, b));
		return o;
	}
	o = both(a, b);
	cJSON_AddBoolToObject(o, "changed", !same(a, b));
	return o;
}

cJSON *view_compare(const cJSON *a, const cJSON *b)
{
	cJSON *out = cJSON_CreateObject();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *last;
		cJSON *in = holder(out, rows[i].to, &last);

		cJSON_AddItemToObject(
		    in, last, compare(at(a, rows[i].from), at(b, rows[i].from), rows[i].how));
	}
	return out;
}
