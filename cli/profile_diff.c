/* nono profile diff */
#include "cli/profile.h"

#define AT(member) .offset = offsetof(struct profile_view_options, member)

static const struct option_row diff_rows[] = {
    {.name = "json", AT(json), .help = "As JSON"},
    {0},
};

static void print_signed(char sign, const cJSON *list)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, list)
	{
		printf("    %c ", sign);
		profile_print_scalar(e);
		putchar('\n');
	}
}

static void print_short(const cJSON *v)
{
	_cleanup_free_ char *text = NULL;

	if (!cJSON_IsObject(v) && !cJSON_IsArray(v)) {
		profile_print_scalar(v);
		return;
	}
	text = cJSON_PrintUnformatted(v);
	print_text(text ? text : "", 0);
}

static void print_change(const cJSON *v)
{
	printf("    - ");
	print_short(cJSON_GetObjectItemCaseSensitive(v, "profile1"));
	printf("\n    + ");
	print_short(cJSON_GetObjectItemCaseSensitive(v, "profile2"));
	putchar('\n');
}

/* One answer of the comparison: sets, maps, single values. True if it differs. */
static bool print_difference(const char *title, const cJSON *v)
{
	const cJSON *added = cJSON_GetObjectItemCaseSensitive(v, "added");
	const cJSON *removed = cJSON_GetObjectItemCaseSensitive(v, "removed");
	const cJSON *changed = cJSON_GetObjectItemCaseSensitive(v, "changed"), *e;
	bool any = false;

	if (cJSON_IsBool(changed)) {
		if (!cJSON_IsTrue(changed))
			return false;
		printf("\n  %s:\n", title);
		print_change(v);
		return true;
	}
	if (added) {
		if (!cJSON_GetArraySize(added) && !cJSON_GetArraySize(removed) &&
		    !cJSON_GetArraySize(changed))
			return false;
		printf("\n  %s:\n", title);
		print_signed('-', removed);
		print_signed('+', added);
		cJSON_ArrayForEach(e, changed)
		{
			printf("    %s:\n", show(e->string).s);
			print_change(e);
		}
		return true;
	}
	cJSON_ArrayForEach(e, v)
	{
		_cleanup_free_ char *below = xasprintf("%s.%s", title, e->string);
		any |= print_difference(below, e);
	}
	return any;
}

static int diff(struct cli *cli, struct err *err)
{
	const struct profile_view_options *o = cli->options;
	cJSON *j = policy_profile_diff_json(cli->args[0], cli->args[1], err);
	const cJSON *e;
	bool any = false;

	if (!j)
		return -1;
	if (o->json)
		return profile_print_json(j);
	printf("nono: from '%s' to '%s'\n", show(cli->args[0]).s, show(cli->args[1]).s);
	cJSON_ArrayForEach(e, j)
	{
		if (cJSON_IsObject(e))
			any |= print_difference(e->string, e);
	}
	if (!any)
		printf("\n  No difference.\n");
	cJSON_Delete(j);
	return 0;
}

const struct command command_profile_diff = {
    .name = "profile diff",
    .usage = "PROFILE PROFILE [--json]",
    .summary = "What one profile says that another does not",
    .rows = diff_rows,
    .size = sizeof(struct profile_view_options),
    .min_args = 2,
    .max_args = 2,
    .arg = "two profiles",
    .run = diff,
};
