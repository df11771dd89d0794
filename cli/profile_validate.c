/* nono profile validate: exit code 0 valid, 1 not, 2 with --strict for old spellings alone. */
#include "cli/profile.h"

struct validate_options {
	bool json, draft, strict;
};

static const struct option_row rows[] = {
    {.name = "json", .offset = offsetof(struct validate_options, json), .help = "As JSON"},
    {.name = "draft",
     .offset = offsetof(struct validate_options, draft),
     .help = "The draft of that name"},
    {.name = "strict",
     .offset = offsetof(struct validate_options, strict),
     .help = "Old spellings of members count too (exit code 2)"},
    {0},
};

static size_t print_remarks(const cJSON *j, const char *name, const char *mark)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(j, name), *e;

	cJSON_ArrayForEach(e, list)
	{
		printf("  %-6s ", mark);
		print_text(e->valuestring, 0);
		putchar('\n');
	}
	return (size_t)cJSON_GetArraySize(list);
}

static void print_result(const cJSON *j)
{
	size_t errors, warnings;

	printf("nono: validating ");
	print_text(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(j, "file")), 0);
	printf("\n\n");
	if (!cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(j, "errors")))
		printf("  [ok]   members, what it extends, and groups\n");
	warnings = print_remarks(j, "warnings", "[warn]");
	errors = print_remarks(j, "errors", "[err]");
	if (errors)
		printf("\n  Result: invalid (%zu error%s)\n", errors, errors == 1 ? "" : "s");
	else if (warnings)
		printf("\n  Result: valid (%zu warning%s)\n", warnings, warnings == 1 ? "" : "s");
	else
		printf("\n  Result: valid\n");
}

static int validate(struct cli *cli, struct err *err)
{
	const struct validate_options *o = cli->options;
	_cleanup_free_ char *drafts = profile_dir("profile-drafts"), *path = NULL;
	cJSON *j;
	bool valid;
	double old;

	if (o->draft) {
		if (!policy_profile_name_ok(cli->args[0]))
			return err_usage(err, "\"%.100s\" is not the name of a draft",
					 cli->args[0]);
		path = xasprintf("%s/%s.json", drafts, cli->args[0]);
	}
	j = policy_profile_validate_json(path ? path : cli->args[0]);
	valid = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(j, "valid"));
	old = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(j, "deprecated_keys"));
	if (o->json)
		print_json(j);
	else
		print_result(j);
	cJSON_Delete(j);
	return !valid ? 1 : o->strict && old > 0 ? 2 : 0;
}

const struct command command_profile_validate = {
    .name = "profile validate",
    .usage = "PROFILE [--draft] [--json] [--strict]",
    .summary = "Is a profile right, with all it extends?",
    .details = "Exit code: 0 valid, 1 not valid, 2 with --strict when old spellings are all that\n"
	       "is wrong.\n",
    .rows = rows,
    .size = sizeof(struct validate_options),
    .min_args = 1,
    .max_args = 1,
    .arg = "the name of a profile, or a file",
    .run = validate,
};
