/* nono profile show: the profile, or the manifest that it comes to. */
#include "cli/profile.h"

#define AT(member) .offset = offsetof(struct profile_view_options, member)

const char *profile_text(const cJSON *o, const char *name)
{
	const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	return s ? s : "";
}

int profile_print_json(cJSON *j)
{
	print_json(j);
	cJSON_Delete(j);
	return 0;
}

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

void profile_print_scalar(const cJSON *v)
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
	return cJSON_IsNull(v) || (cJSON_IsString(v) && !v->valuestring[0]) ||
	       ((cJSON_IsArray(v) || cJSON_IsObject(v)) && !v->child);
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
	profile_print_scalar(e);
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
			print_text(e->string, 0);
			printf(":\n");
			print_value(e, depth + 1);
		} else {
			printf("%*s", depth * 2, "");
			print_text(e->string, 0);
			printf(": ");
			profile_print_scalar(e);
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
	print_text(profile_text(p, "name"), 0);
	printf("'\n\n");
	if (!str_eq(profile_text(p, "name"), "default"))
		printf("  on top of: default (nono profile show default)\n");
	cJSON_ArrayForEach(e, p)
	{
		if (str_eq(e->string, "name") || !holds_something(e))
			continue;
		printf("  ");
		print_text(e->string, 0);
		if (cJSON_IsObject(e) || cJSON_IsArray(e)) {
			printf(":\n");
			print_value(e, 2);
		} else {
			printf(": ");
			profile_print_scalar(e);
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
	const struct profile_view_options *o = cli->options;
	cJSON *j;

	if (o->format == FORMAT_MANIFEST)
		return show_manifest(cli->args[0], err);
	j = policy_profile_json(cli->args[0], !o->json && !o->raw, err);

	if (!j)
		return -1;
	if (o->json)
		return profile_print_json(j);
	print_whole(j);
	cJSON_Delete(j);
	return 0;
}

const struct command command_profile_show = {
    .name = "profile show",
    .usage = "PROFILE [--json] [--raw] [--format profile|manifest]",
    .summary = "All that a profile says, with what it extends",
    .rows = show_rows,
    .size = sizeof(struct profile_view_options),
    .min_args = 1,
    .max_args = 1,
    .arg = "the name of a profile, or a file",
    .run = show_profile,
};
