/* nono profile list, groups, show, diff, schema, guide: texts are made from the JSON. */
#include "cli/profile.h"

struct view_options {
	int format; /* of show */
	bool json, raw, all_platforms;
	const char *output;
};

#define AT(member) .offset = offsetof(struct view_options, member)

static const char *text_of(const cJSON *o, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	return s ? s : "";
}

static bool is_true(const cJSON *o, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, name));
}

static int finish_json(cJSON *j)
{
	print_json(j);
	cJSON_Delete(j);
	return 0;
}

/* ---- list ---------------------------------------------------------------------------------------
 */

static const struct option_row list_rows[] = {
    {.name = "json", AT(json), .help = "As a JSON array"},
    {0},
};

static void print_profile(const cJSON *e)
{
	const char *error = text_of(e, "error");

	printf("    ");
	print_text(text_of(e, "name"), 20);
	printf("  ");
	if (*error) {
		printf("[error] ");
		print_text(error, 0);
	} else {
		print_text(text_of(e, "description"), 0);
	}
	putchar('\n');
}

static void print_profiles(const cJSON *all, bool builtin, const char *title)
{
	bool any = false;
	const cJSON *e;

	cJSON_ArrayForEach(e, all)
	{
		if (str_eq(text_of(e, "source"), "built-in") != builtin)
			continue;
		if (!any)
			printf("\n  %s\n", title);
		any = true;
		print_profile(e);
	}
}

static int list(struct cli *cli, struct err *err)
{
	const struct view_options *o = cli->options;
	_cleanup_free_ char *dir = profile_dir("profiles"), *title = NULL;
	cJSON *all = policy_profiles_json();

	(void)err;
	if (o->json)
		return finish_json(all);
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
    .size = sizeof(struct view_options),
    .run = list,
};

/* ---- groups -----------------------------------------------------------------------------------
 */

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
		const char *raw = cJSON_IsString(e) ? e->valuestring : text_of(e, "raw");
		const char *expanded = text_of(e, "expanded");

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

	printf("nono: group '%s'\n\n", text_of(g, "name"));
	printf("  Description:  %s\n", text_of(g, "description"));
	printf("  Platform:     %s\n", text_of(g, "platform"));
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
	const struct view_options *o = cli->options;
	const char *name = cli->args[0];
	cJSON *j = name ? policy_group_json(name, err) : policy_groups_json(o->all_platforms);
	const cJSON *g;

	if (!j)
		return -1;
	if (o->json)
		return finish_json(j);
	if (name) {
		print_group(j);
	} else {
		printf("nono: %d groups%s\n\n", cJSON_GetArraySize(j),
		       o->all_platforms ? " (all platforms)" : "");
		cJSON_ArrayForEach(g, j) printf(
		    "  %-26s %-56s%s%s%s\n", text_of(g, "name"), text_of(g, "description"),
		    o->all_platforms ? " " : "", o->all_platforms ? text_of(g, "platform") : "",
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
    .size = sizeof(struct view_options),
    .max_args = 1,
    .run = groups,
};

/* ---- show ---------------------------------------------------------------------------------------
 */

enum { FORMAT_PROFILE = 0, FORMAT_MANIFEST };
static const char *const formats[] = {"profile", "manifest", NULL};

static const struct option_row show_rows[] = {
    {.name = "json", AT(json), .help = "As JSON"},
    {.name = "raw", AT(raw), .help = "Paths as they are written, without what variables stand for"},
    {.name = "format",
     .kind = OPTION_CHOICE,
     AT(format),
     .choices = formats,
     .arg = "profile|manifest",
     .help = "manifest: the rules that come of it here and now, as nono run --config reads them"},
    {0},
};

/* "unix_socket_dir" as a title: "unix socket dir". */
static void print_title(const char *name, size_t width)
{
	char s[64];

	str_copy(s, sizeof(s), name);
	for (char *c = s; *c; c++)
		if (*c == '_')
			*c = ' ';
	printf("%-*s", (int)width, s);
}

static void print_scalar(const cJSON *v)
{
	if (cJSON_IsString(v))
		print_text(v->valuestring, 0);
	else if (cJSON_IsBool(v))
		printf(cJSON_IsTrue(v) ? "yes" : "no");
	else if (cJSON_IsNumber(v))
		printf("%g", v->valuedouble);
	else
		printf("-");
}

static bool is_empty(const cJSON *v)
{
	return cJSON_IsNull(v) || ((cJSON_IsArray(v) || cJSON_IsObject(v)) && !v->child);
}

static void print_value(const cJSON *v, int depth);

static void print_item(const cJSON *e, int depth)
{
	printf("%*s", depth * 2, "");
	if (cJSON_IsObject(e) || cJSON_IsArray(e)) {
		printf("-\n");
		print_value(e, depth + 1);
		return;
	}
	print_scalar(e);
	putchar('\n');
}

static void print_value(const cJSON *v, int depth)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, v)
	{
		if (is_empty(e))
			continue;
		if (cJSON_IsArray(v)) {
			print_item(e, depth);
		} else if (cJSON_IsObject(e) || cJSON_IsArray(e)) {
			printf("%*s", depth * 2, "");
			print_title(e->string, 0);
			printf(":\n");
			print_value(e, depth + 1);
		} else {
			printf("%*s", depth * 2, "");
			print_title(e->string, 0);
			printf(": ");
			print_scalar(e);
			putchar('\n');
		}
	}
}

static bool holds_something(const cJSON *v)
{
	const cJSON *e;

	if (!cJSON_IsObject(v))
		return !is_empty(v);
	cJSON_ArrayForEach(e, v)
	{
		if (holds_something(e))
			return true;
	}
	return false;
}

static void print_whole(const cJSON *p)
{
	const cJSON *e;

	printf("nono: profile '");
	print_text(text_of(p, "name"), 0);
	printf("'\n\n");
	cJSON_ArrayForEach(e, p)
	{
		if (str_eq(e->string, "name") || !holds_something(e))
			continue;
		printf("  ");
		print_title(e->string, 0);
		if (cJSON_IsObject(e) || cJSON_IsArray(e)) {
			printf(":\n");
			print_value(e, 2);
		} else {
			printf(": ");
			print_scalar(e);
			putchar('\n');
		}
	}
}

/* The working directory is in it as the profile wants it. */
static int show_manifest(const char *profile, struct err *err)
{
	struct policy_input in = {.profile = profile,
				  .allow_cwd = true,
				  .block_net = -1,
				  .elevation = -1,
				  .protect_workspace = -1};
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_(buf_free) struct buf text = {0}, safe = {0}, out = {0};

	if (policy_resolve(&in, &p, err) < 0 || policy_enforceable(p, err) < 0)
		return -1;
	in.allow_cwd = p->workdir_access != 0;
	if (!in.allow_cwd) {
		policy_free(STEAL_PTR(p));
		if (policy_resolve(&in, &p, err) < 0)
			return -1;
	}
	policy_to_manifest(p, &text);
	json_safe(&safe, text.data, text.len);
	json_pretty(&out, safe.data, safe.len);
	buf_addc(&out, '\n');
	fwrite(out.data, 1, out.len, stdout);
	return 0;
}

static int show_profile(struct cli *cli, struct err *err)
{
	const struct view_options *o = cli->options;
	cJSON *j;

	if (o->format == FORMAT_MANIFEST)
		return show_manifest(cli->args[0], err);
	j = policy_profile_json(cli->args[0], !o->json && !o->raw, err);

	if (!j)
		return -1;
	if (o->json)
		return finish_json(j);
	print_whole(j);
	cJSON_Delete(j);
	return 0;
}

const struct command command_profile_show = {
    .name = "profile show",
    .usage = "PROFILE [--json] [--raw] [--format profile|manifest]",
    .summary = "All that a profile says, with what it extends",
    .rows = show_rows,
    .size = sizeof(struct view_options),
    .min_args = 1,
    .max_args = 1,
    .arg = "the name of a profile, or a file",
    .run = show_profile,
};

/* ---- diff ---------------------------------------------------------------------------------------
 */

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
		print_scalar(e);
		putchar('\n');
	}
}

static void print_short(const cJSON *v)
{
	_cleanup_free_ char *text = NULL;

	if (!cJSON_IsObject(v) && !cJSON_IsArray(v)) {
		print_scalar(v);
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
	const struct view_options *o = cli->options;
	cJSON *j = policy_profile_diff_json(cli->args[0], cli->args[1], err);
	const cJSON *e;
	bool any = false;

	if (!j)
		return -1;
	if (o->json)
		return finish_json(j);
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
    .size = sizeof(struct view_options),
    .min_args = 2,
    .max_args = 2,
    .arg = "two profiles",
    .run = diff,
};

/* ---- schema, guide ------------------------------------------------------------------------------
 */

static const struct option_row schema_rows[] = {
    {.name = "output",
     .letter = 'o',
     .kind = OPTION_STRING,
     AT(output),
     .arg = "FILE",
     .help = "Write there instead of to standard output"},
    {0},
};

static int schema(struct cli *cli, struct err *err)
{
	const struct view_options *o = cli->options;
	_cleanup_(buf_free) struct buf text = {0}, b = {0};

	policy_profile_schema(&text);
	json_pretty(&b, text.data, text.len);
	buf_addc(&b, '\n');
	if (!o->output) {
		fwrite(b.data, 1, b.len, stdout);
		return 0;
	}
	if (file_write_atomic(o->output, 0644, b.data, b.len, err) < 0)
		return -1;
	cli_say(cli, "Wrote %s", show(o->output).s);
	return 0;
}

const struct command command_profile_schema = {
    .name = "profile schema",
    .usage = "[-o FILE]",
    .summary = "The JSON Schema of profiles, for editors",
    .rows = schema_rows,
    .size = sizeof(struct view_options),
    .run = schema,
};

static int guide(struct cli *cli, struct err *err)
{
	_cleanup_(buf_free) struct buf b = {0};

	(void)cli;
	(void)err;
	policy_profile_guide(&b);
	fwrite(b.data, 1, b.len, stdout);
	return 0;
}

const struct command command_profile_guide = {
    .name = "profile guide",
    .usage = "",
    .summary = "How to write a profile, and all of its members",
    .size = 0,
    .run = guide,
};
