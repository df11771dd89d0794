/* nono profile init, promote, use: what is written for the user. */
#include <fcntl.h>
#include <sys/stat.h>

#include "cli/profile.h"

/* ---- init -------------------------------------------------------------------------------------
 */

struct init_options {
	const char *extends, *description, *output;
	struct strings groups;
	bool full, force;
};

static const struct option_row init_rows[] = {
    {.name = "extends",
     .kind = OPTION_STRING,
     .offset = offsetof(struct init_options, extends),
     .arg = "PROFILE",
     .help = "The profile that the new one builds on"},
    {.name = "groups",
     .kind = OPTION_LIST,
     .offset = offsetof(struct init_options, groups),
     .arg = "GROUP,...",
     .help = "Groups to include; nono profile groups lists them"},
    {.name = "description",
     .kind = OPTION_STRING,
     .offset = offsetof(struct init_options, description),
     .arg = "TEXT",
     .help = "What it is for"},
    {.name = "full",
     .offset = offsetof(struct init_options, full),
     .help = "All sections, not only those that most profiles have"},
    {.name = "output",
     .letter = 'o',
     .kind = OPTION_STRING,
     .offset = offsetof(struct init_options, output),
     .arg = "FILE",
     .help = "Write there instead of among your profiles"},
    {.name = "force",
     .offset = offsetof(struct init_options, force),
     .help = "Overwrite a file that is there"},
    {0},
};

static void add_text(struct buf *out, const char *s)
{
	buf_add_json_str(out, s, strlen(s));
}

/* Splits "a,b" too: the option may be repeated or hold a list. */
static int add_groups(const struct strings *groups, struct buf *out, struct err *err)
{
	const char *between = "";

	for (size_t i = 0; i < groups->n; i++) {
		_cleanup_free_ char *copy = xstrdup(groups->v[i]);
		char *save = NULL;

		for (char *g = strtok_r(copy, ",", &save); g; g = strtok_r(NULL, ",", &save)) {
			if (!policy_group_exists(g))
				return err_set(err,
					       "there is no group \"%.100s\"; nono profile groups "
					       "lists them",
					       g);
			buf_adds(out, between);
			add_text(out, g);
			between = ", ";
		}
	}
	return 0;
}

static int skeleton(const char *name, const struct init_options *o, struct buf *out,
		    struct err *err)
{
	buf_adds(out, "{\n");
	if (o->extends) {
		buf_adds(out, "  \"extends\": ");
		add_text(out, o->extends);
		buf_adds(out, ",\n");
	}
	buf_adds(out, "  \"meta\": {\n    \"name\": ");
	add_text(out, name);
	if (o->description) {
		buf_adds(out, ",\n    \"description\": ");
		add_text(out, o->description);
	}
	buf_adds(out, "\n  },\n  \"groups\": {\n    \"include\": [");
	if (add_groups(&o->groups, out, err) < 0)
		return -1;
	buf_adds(out, o->full ? "],\n    \"exclude\": []\n  },\n" : "]\n  },\n");
	buf_adds(out, "  \"workdir\": {\n    \"access\": \"readwrite\"\n  },\n"
		      "  \"filesystem\": {\n    \"allow\": [],\n    \"read\": []");
	if (o->full)
		buf_adds(out, ",\n    \"write\": [],\n    \"allow_file\": [],\n"
			      "    \"read_file\": [],\n    \"write_file\": [],\n"
			      "    \"deny\": [],\n    \"bypass_protection\": [],\n"
			      "    \"suppress_save_prompt\": []\n  },\n"
			      /* What would widen or replace what a base says is left out. */
			      "  \"network\": {\n    \"block\": false\n  },\n"
			      "  \"environment\": {\n    \"deny_vars\": [],\n"
			      "    \"set_vars\": {}\n  },\n"
			      "  \"rollback\": {\n    \"exclude_patterns\": [],\n"
			      "    \"exclude_globs\": []");
	buf_adds(out, "\n  }\n}\n");
	return 0;
}

static int check_new_name(const char *name, struct err *err)
{
	const char *slash = strchr(name, '/');

	if (slash)
		return err_set(err,
			       "\"%.100s\" names a pack, not a profile; choose a plain name: nono "
			       "profile init %.60s-local --extends %.100s",
			       name, slash + 1, name);
	if (!policy_profile_name_ok(name))
		return err_usage(err,
				 "\"%.100s\" is not a name for a profile: letters, digits and '-', "
				 "no '-' at the ends",
				 name);
	if (policy_profile_builtin(name))
		return err_set(err,
			       "\"%s\" is a built-in profile; choose another name: nono profile "
			       "init %s-local --extends %s",
			       name, name, name);
	return 0;
}

static int profile_init(struct cli *cli, struct err *err)
{
	const struct init_options *o = cli->options;
	const char *name = cli->args[0];
	_cleanup_(policy_profile_free) struct policy_profile base = {0};
	_cleanup_(buf_free) struct buf text = {0};
	_cleanup_free_ char *dir = profile_dir("profiles");
	_cleanup_free_ char *path =
	    o->output ? xstrdup(o->output) : xasprintf("%s/%s.json", dir, name);

	if (check_new_name(name, err) < 0)
		return -1;
	if (o->extends && policy_profile_load(o->extends, &base, err) < 0)
		return err_prefix(err, "--extends %.100s", o->extends);
	if (skeleton(name, o, &text, err) < 0)
		return -1;
	if (!o->output && dir_private(dir, err) < 0)
		return -1;
	if (!o->force && access(path, F_OK) == 0)
		return err_set(err, "%s is there already; --force overwrites it", path);
	if (file_write_atomic(path, 0600, text.data, text.len, err) < 0)
		return -1;
	cli_say(cli, "Created the profile %s", show(path).s);
	cli_say(cli, "Check it with: nono profile validate %s", o->output ? show(path).s : name);
	cli_say(cli, "For editors: nono profile schema -o nono-profile.schema.json");
	return 0;
}

const struct command command_profile_init = {
    .name = "profile init",
    .usage = "NAME [--extends PROFILE] [--groups A,B] [--full] [-o FILE] [--force]",
    .summary = "Write a new profile to start from",
    .rows = init_rows,
    .size = sizeof(struct init_options),
    .flags = CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "the name of the new profile",
    .run = profile_init,
};

/* ---- promote ------------------------------------------------------------------------------------
 * A draft (made by a program, for example) becomes a profile only when a person has seen what
 * changes, and only on top of the very profile that it was made from. */

struct promote_options {
	bool diff, yes;
};

static const struct option_row promote_rows[] = {
    {.name = "diff",
     .offset = offsetof(struct promote_options, diff),
     .help = "Only show what would change"},
    {.name = "yes",
     .letter = 'y',
     .offset = offsetof(struct promote_options, yes),
     .help = "Do not ask"},
    {0},
};

struct draft {
	char *path, *base, *target; /* NAME.json, NAME.base, the profile */
	char *text, *old;	    /* old: NULL if there is no such profile yet */
	size_t n, n_old;
};

static void draft_free(struct draft *d)
{
	free(d->path);
	free(d->base);
	free(d->target);
	free(d->text);
	free(d->old);
}

/* The profile that is there must be the one that the draft's author saw. */
static int check_base(const struct draft *d, struct err *err)
{
	_cleanup_free_ char *want = NULL;
	char have[POLICY_HASH_MAX];
	size_t n;

	if (!d->old)
		return 0;
	want = file_read(d->base, 4096, &n, err);
	if (!want)
		return err_prefix(err, "the draft changes %s but does not say of which content",
				  d->target);
	want[strcspn(want, " \t\r\n")] = '\0';
	policy_hash(d->old, d->n_old, have);
	if (!str_eq(want, have))
		return err_set(err,
			       "%s has changed since the draft was made: %s holds the hash of "
			       "another content. Make the draft anew",
			       d->target, d->base);
	return 0;
}

static int read_draft(const char *name, struct draft *d, struct err *err)
{
	_cleanup_free_ char *drafts = profile_dir("profile-drafts"), *dir = profile_dir("profiles");
	_cleanup_(policy_profile_free) struct policy_profile p = {0};

	if (!policy_profile_name_ok(name))
		return err_usage(err, "\"%.100s\" is not a name for a profile", name);
	if (policy_profile_builtin(name))
		return err_set(err,
			       "\"%s\" is a built-in profile: a draft of that name would take its "
			       "place; rename the draft",
			       name);
	d->path = xasprintf("%s/%s.json", drafts, name);
	d->base = xasprintf("%s/%s.base", drafts, name);
	d->target = policy_profile_file(name);
	if (!d->target)
		d->target = xasprintf("%s/%s.json", dir, name);
	if (!str_ends(d->target, ".json"))
		return err_set(err, "%s is there: a draft can't take the place of it", d->target);
	d->text = file_read(d->path, PROFILE_TEXT_MAX, &d->n, err);
	if (!d->text)
		return err_prefix(err, "no draft");
	/* Valid as a whole, with all it extends. */
	if (policy_profile_load(d->path, &p, err) < 0)
		return -1;
	if (access(d->target, F_OK) == 0) {
		d->old = file_read(d->target, PROFILE_TEXT_MAX, &d->n_old, err);
		if (!d->old)
			return -1;
	}
	return check_base(d, err);
}

static void show_diff(const struct draft *d)
{
	_cleanup_(buf_free) struct buf diff = {0};

	policy_text_diff(d->target, d->old, d->text, &diff);
	print_lines(stderr, diff.len ? diff.data : "");
}

static int promote(struct cli *cli, struct err *err)
{
	const struct promote_options *o = cli->options;
	_cleanup_(draft_free) struct draft d = {0};
	_cleanup_free_ char *dir = profile_dir("profiles");

	if (read_draft(cli->args[0], &d, err) < 0)
		return -1;
	show_diff(&d);
	if (o->diff)
		return 0;
	if (!o->yes && !(isatty(STDIN_FILENO) && isatty(STDERR_FILENO)))
		return err_set(err, "nobody to ask; --yes takes the draft without asking");
	if (!o->yes && !ask_yes("Take it?"))
		return err_set(err, "nothing was changed");
	if (dir_private(dir, err) < 0 || file_write_atomic(d.target, 0600, d.text, d.n, err) < 0)
		return -1;
	unlink(d.path);
	unlink(d.base);
	cli_say(cli, "Wrote %s", show(d.target).s);
	return 0;
}

const struct command command_profile_promote = {
    .name = "profile promote",
    .usage = "NAME [--diff] [--yes]",
    .summary = "Make a draft the profile, after a look at what changes",
    .details = "Drafts are profile-drafts/NAME.json beside your profiles; NAME.base holds the\n"
	       "SHA-256 of the profile that the draft was made from, if there is one.\n",
    .rows = promote_rows,
    .size = sizeof(struct promote_options),
    .flags = CLI_OUTSIDE,
    .min_args = 1,
    .max_args = 1,
    .arg = "the name of a draft",
    .run = promote,
};

/* ---- use ------------------------------------------------------------------------------------- */

struct use_options {
	bool user, clear;
	const char *dir;
};

static const struct option_row use_rows[] = {
    {.name = "user",
     .offset = offsetof(struct use_options, user),
     .help = "For all directories that have no profile of their own"},
    {.name = "dir",
     .kind = OPTION_STRING,
     .offset = offsetof(struct use_options, dir),
     .arg = "DIR",
     .help = "For this directory and all below it, instead of the current one"},
    {.name = "clear", .offset = offsetof(struct use_options, clear), .help = "No profile any more"},
    {0},
};

static int say_default(const char *dir, struct err *err)
{
	_cleanup_free_ char *name = NULL, *from = NULL;

	if (policy_default_get(dir, &name, &from, err) < 0)
		return -1;
	if (!name)
		puts("no profile: nono run without --profile uses the default rules alone");
	else
		printf("%s (of %s)\n", show(name).s, from ? show(from).s : "the user");
	return 0;
}

static int use(struct cli *cli, struct err *err)
{
	const struct use_options *o = cli->options;
	_cleanup_(policy_profile_free) struct policy_profile p = {0};
	_cleanup_free_ char *dir = path_real(o->dir ? o->dir : ".", err);
	const char *name = cli->args[0];

	if (!dir)
		return -1;
	if (o->user && o->dir)
		return err_usage(err, "--user and --dir can't be used together");
	if (o->clear && name)
		return err_usage(err, "--clear takes no name");
	if (!name && !o->clear)
		return say_default(dir, err);
	if (name && (strchr(name, '/') || policy_profile_load(name, &p, err) < 0))
		return strchr(name, '/')
			   ? err_usage(err, "a profile is used by its name; move the file "
					    "among your profiles first")
			   : -1;
	if (policy_default_set(o->user ? NULL : dir, name, err) < 0)
		return -1;
	if (name)
		cli_say(cli, "nono run uses the profile %s in %s where --profile names no other",
			name, o->user ? "all directories without one of their own" : show(dir).s);
	else
		cli_say(cli, "No profile for %s any more",
			o->user ? "all directories" : show(dir).s);
	return 0;
}

const struct command command_profile_use = {
    .name = "profile use",
    .usage = "[PROFILE] [--user | --dir DIR] [--clear]",
    .summary = "The profile that is used here where none is named",
    .details = "Without a name: shows which one that is.\n",
    .rows = use_rows,
    .size = sizeof(struct use_options),
    .flags = CLI_OUTSIDE,
    .max_args = 1,
    .run = use,
};
