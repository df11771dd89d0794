/* nono send: types into a pane. */
#include "cli/keys.h"
#include "cli/screen.h"

struct options {
	bool keys, enter, paste;
};

static const struct option_row rows[] = {
    {.name = "keys",
     .offset = offsetof(struct options, keys),
     .help = "The words are names of keys: Enter, Tab, Esc, Up, PgDn, F5, C-c, M-x, S-Tab, q"},
    {.name = "enter",
     .offset = offsetof(struct options, enter),
     .help = "Press Enter after the text"},
    {.name = "paste",
     .offset = offsetof(struct options, paste),
     .help = "As one paste: programs that tell the two apart do not run it line by line"},
    {0},
};

static int check_keys(const struct cli *cli, struct err *err)
{
	unsigned mods;
	uint32_t key;

	for (size_t i = 1; i < cli->n_args; i++)
		if (key_named(cli->args[i], &key, &mods) < 0)
			return err_usage(err, "'%.100s' is not the name of a key", cli->args[i]);
	return 0;
}

static void type_keys(const struct cli *cli, struct pty_client *c)
{
	unsigned mods;
	uint32_t key;

	for (size_t i = 1; i < cli->n_args; i++)
		if (key_named(cli->args[i], &key, &mods) == 0)
			pty_client_key(c, key, mods);
}

static void type_text(const struct cli *cli, bool paste, struct pty_client *c)
{
	_cleanup_(buf_free) struct buf text = {0};

	for (size_t i = 1; i < cli->n_args; i++)
		buf_addf(&text, "%s%s", i > 1 ? " " : "", cli->args[i]);
	if (!text.len)
		return;
	if (paste)
		pty_client_paste(c, text.data, text.len);
	else
		pty_client_text(c, text.data, text.len);
}

static int send_input(struct cli *cli, struct err *err)
{
	const struct options *o = cli->options;
	struct session_record r;
	struct screen s;
	int rc;

	if (o->keys && o->paste)
		return err_usage(err, "--keys can't be used together with --paste");
	if (cli->n_args < 2 && !o->enter)
		return err_usage(err, "send what? text, or names of keys with --keys");
	if (o->keys && check_keys(cli, err) < 0)
		return -1;
	if (screen_open(cli->args[0], false, &r, &s, err) < 0)
		return -1;
	/* The picture tells whether anybody still reads. */
	rc = screen_await_picture(&s, CALL_TIMEOUT_MS, err);
	if (rc == 0 && screen_picture(&s)->ended)
		rc = err_set(err, "session %s has ended", r.name[0] ? r.name : r.id);
	if (rc == 0) {
		if (o->keys)
			type_keys(cli, s.client);
		else
			type_text(cli, o->paste, s.client);
		if (o->enter)
			pty_client_key(s.client, PTY_KEY_ENTER, 0);
		rc = screen_settle(&s, CALL_TIMEOUT_MS, err);
	}
	screen_close(&s);
	session_record_free(&r);
	return rc;
}

const struct command command_send = {
    .name = "send",
    .group = GROUP_PANES,
    .usage = "SESSION [options] [--] TEXT...",
    .summary = "Type into a session",
    .details =
	"Several words are typed with blanks between them. No Enter is added: --enter does it.\n"
	"Text that begins with '-' stands behind '--'.\n\n"
	"Examples:\n"
	"  nono send build --enter make test\n"
	"  nono send build --keys C-c\n",
    .rows = rows,
    .size = sizeof(struct options),
    .flags = CLI_OUTSIDE,
    .min_args = 1,
    .max_args = SIZE_MAX,
    .arg = "a session",
    .run = send_input,
};
