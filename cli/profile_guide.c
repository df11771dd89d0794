/* nono profile schema, guide */
#include "cli/profile.h"

#define AT(member) .offset = offsetof(struct profile_view_options, member)

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
	const struct profile_view_options *o = cli->options;
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
    .size = sizeof(struct profile_view_options),
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
