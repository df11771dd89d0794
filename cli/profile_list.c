/* nono profile list, groups */
#include "cli/profile.h"

#define AT(member) .offset = offsetof(struct profile_view_options, member)

static bool is_true(const cJSON *o, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, name));
}

/* ---- list */

static const struct option_row list_rows[] = {
    {.name = "json", AT(json), .help = "As a JSON array"},
    {0},
};

static void print_profile(const cJSON *e)
{
	const char *error = profile_text(e, "error");

	printf("    ");
	print_text(profile_text(e, "name"), 20);
	printf("  ");
	if (*error) {
		printf("[error] ");
		print_text(error, 0);
	} else {
		print_text(profile_text(e, "description"), 0);
	}
	putchar('\n');
}

static void print_profiles(const cJSON *all, bool builtin, const char *title)
{
	bool any = false;
	const cJSON *e;

	cJSON_ArrayForEach(e, all)
	{
		if (str_eq(profile_text(e, "source"), "built-in") != builtin)
			continue;
		if (!any)
			printf("\n  %s\n", title);
		any = true;
		print_profile(e);
	}
}

static int list(struct cli *cli, struct err *err)
{
	const struct profile_view_options *o = cli->options;
	_cleanup_free_ char *dir = profile_dir("profiles"), *title = NULL;
	cJSON *all = policy_profiles_json();

	(void)err;
	if (o->json)
		return profile_print_json(all);
	printf("nono: %d profiles\n", cJSON_GetArraySize(all));
	print_profiles(all, true, "Built-in:");
	title = xasprintf("User (%s):", show(dir).s);
	print_profiles(all, false, title);
	cJSON_Delete(all);
	return 0;
}

const struct command command_profile_list = {
    .name = "profile list",
    .alias = "profiles",
    .usage = "[--json]",
    .summary = "The built-in profiles and yours",
    .rows = list_rows,
    .size = sizeof(struct profile_view_options),
    .run = list,
};

/* ---- groups */

static const struct option_row groups_rows[] = {
    {.name = "json", AT(json), .help = "As JSON"},
    {.name = "all-platforms", AT(all_platforms), .help = "Those of other systems too"},
    {0},
};

static void print_paths(const char *title, const cJSON *list)
{
	const cJSON *e;

	if (!cJSON_GetArraySize(list))
		return;
	printf("\n  %s:\n", title);
	cJSON_ArrayForEach(e, list)
	{
		const char *raw = cJSON_IsString(e) ? e->valuestring : profile_text(e, "raw");
		const char *expanded = profile_text(e, "expanded");

		printf("    ");
		print_text(raw, 0);
		if (*expanded && !str_eq(raw, expanded)) {
			printf(" -> ");
			print_text(expanded, 0);
		}
		putchar('\n');
	}
}

static void print_group(const cJSON *g)
{
	const cJSON *section, *list;

	printf("nono: group '%s'\n\n", profile_text(g, "name"));
	printf("  Description:  %s\n", profile_text(g, "description"));
	printf("  Platform:     %s\n", profile_text(g, "platform"));
	printf("  Required:     %s\n", is_true(g, "required") ? "yes" : "no");
	cJSON_ArrayForEach(section, g)
	{
		if (!cJSON_IsObject(section))
			continue;
		cJSON_ArrayForEach(list, section)
		{
			_cleanup_free_ char *title =
			    xasprintf("%s.%s", section->string, list->string);
			print_paths(title, list);
		}
	}
}

static int groups(struct cli *cli, struct err *err)
{
	const struct profile_view_options *o = cli->options;
	const char *name = cli->args[0];
	cJSON *j = name ? policy_group_json(name, err) : policy_groups_json(o->all_platforms);
	const cJSON *g;

	if (!j)
		return -1;
	if (o->json)
		return profile_print_json(j);
	if (name) {
		print_group(j);
	} else {
		printf("nono: %d groups%s\n\n", cJSON_GetArraySize(j),
		       o->all_platforms ? " (all platforms)" : "");
		cJSON_ArrayForEach(g, j)
		    printf("  %-26s %-56s%s%s%s\n", profile_text(g, "name"),
			   profile_text(g, "description"), o->all_platforms ? " " : "",
			   o->all_platforms ? profile_text(g, "platform") : "",
			   is_true(g, "required") ? "  required" : "");
	}
	cJSON_Delete(j);
	return 0;
}

const struct command command_profile_groups = {
    .name = "profile groups",
    .usage = "[GROUP] [--json] [--all-platforms]",
    .summary = "The groups of rules that profiles are made of, or what is in one",
    .rows = groups_rows,
    .size = sizeof(struct profile_view_options),
    .max_args = 1,
    .run = groups,
};
