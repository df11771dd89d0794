/* nono run, shell, wrap. */
#include <sys/ioctl.h>

#include "cli/diagnostics.h"
#include "cli/keys.h"
#include "cli/rollback.h"
#include "cli/run_options.h"
#include "common/remark.h"
#include "tui/tui.h"

struct start {
	struct cli *cli;
	struct run_options *o;
	char *const *argv;
	char **credentials;
	bool shown;		     /* dry run: everything was said */
	bool refused;		     /* the working directory is not shared: asked and answered */
	bool again;		     /* it is: resolve once more with it */
	char id[SESSION_ID_LEN + 1]; /* of the session in the foreground, "" = none */
};

/* ---- before anything is started -------------------------------------------------------- */

static void describe(const struct start *s, const struct policy *p)
{
	_cleanup_(buf_free) struct buf b = {0};

	policy_describe(p, s->o->verbose, &b);
	if (b.len)
		fwrite(b.data, 1, b.len, stderr);
	for (size_t i = 0; p->warnings && p->warnings[i]; i++)
		remark("nono: warning: %s", p->warnings[i]);
}

static void show_dry_run(struct start *s, const struct policy *p)
{
	char command[4096];

	_cleanup_free_ char **argv = session_argv(p, s->argv);

	describe(s, p);
	command_text(argv, command, sizeof(command));
	fprintf(stderr, "dry-run sandbox would be applied with above capabilities\n$ %s\n",
		command);
	s->shown = true;
}

static bool workdir_covered(const struct policy *p)
{
	for (size_t i = 0; i < p->n_grants; i++) {
		const struct policy_grant *g = &p->grants[i];
		if (!g->is_file && (g->access & p->workdir_access) == p->workdir_access &&
		    path_under(g->path, p->workdir))
			return true;
	}
	return false;
}

static int ask_for_workdir(struct start *s, const struct policy *p, struct err *err)
{
	const char *how = p->workdir_access & NONO_WRITE ? "read and write" : "read";
	char dir[4096];

	text_printable(dir, sizeof(dir), p->workdir, strlen(p->workdir));
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return err_set(
		    err,
		    "CWD access requires --allow-cwd: profile %s wants to %s the working "
		    "directory %s",
		    p->profile_name ? p->profile_name : "default", how, dir);
	fprintf(stderr, "Profile %s wants to %s the working directory %s.\n",
		p->profile_name ? p->profile_name : "default", how, dir);
	s->again = ask_yes("Share it? (use --allow-cwd to skip this prompt)");
	s->refused = !s->again;
	return s->again ? -1 : 0;
}

static int on_resolved(void *data, const struct policy *p, struct err *err)
{
	struct start *s = data;

	if (s->o->dry_run) {
		show_dry_run(s, p);
		return -1;
	}
	if (p->workdir_access && !s->o->allow_cwd && !s->refused && !workdir_covered(p) &&
	    ask_for_workdir(s, p, err) < 0)
		return -1;
	if (!s->cli->silent)
		describe(s, p);
	return 0;
}

/* ---- when it is over ------------------------------------------------------------------------ */

#define FOOTER_LINES 5

static void on_named(void *data, const char id[SESSION_ID_LEN + 1])
{
	struct start *s = data;

	memcpy(s->id, id, sizeof(s->id));
}

static void print_diagnostics(const struct diagnostics *d)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_(buf_free) struct buf out = {0}, safe = {0};
	cJSON *o = diagnostics_json(d);

	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	if (!text)
		return;
	json_safe(&safe, text, strlen(text));
	json_pretty(&out, safe.data, safe.len);
	buf_addc(&out, '\n');
	fwrite(out.data, 1, out.len, stderr);
}

/* A failed program, and something it was refused: that may be why. */
static void explain_end(const struct start *s, const struct policy_input *in, int code,
			bool front_end)
{
	const struct run_options *o = s->o;
	const char *no_prompt = getenv("NONO_NO_SAVE_PROMPT");
	_cleanup_(buf_free) struct buf out = {0};
	struct diagnostics d;

	if (!s->id[0] || s->cli->command->mask != RUN || (s->cli->silent && !o->diagnostics_json))
		return;
	/* The front end may have been left while the program goes on. */
	if ((!code && !o->diagnostics_json) || !diagnostics_load(s->id, code || !front_end, &d))
		return;
	if (d.record.exit_code != 0 && !o->no_diagnostics && !s->cli->silent) {
		diagnostics_footer(&d, FOOTER_LINES, &out);
		if (out.len)
			fwrite(out.data, 1, out.len, stderr);
		if (!o->diagnostics_json && isatty(STDIN_FILENO) && isatty(STDERR_FILENO) &&
		    !str_eq(no_prompt, "1"))
			diagnostics_save_prompt(&d, in);
	}
	if (o->diagnostics_json)
		print_diagnostics(&d);
	diagnostics_free(&d);
}

/* ---- ways to start ------------------------------------------------------------------------ */

static void terminal_size(const struct run_options *o, int *cols, int *rows)
{
	struct winsize ws;

	*cols = 80;
	*rows = 24;
	if (o->size[0]) {
		*cols = o->size[0];
		*rows = o->size[1];
	} else if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col && ws.ws_row) {
		*cols = ws.ws_col < PTY_COLS_MAX ? ws.ws_col : PTY_COLS_MAX;
		*rows = ws.ws_row < PTY_ROWS_MAX ? ws.ws_row : PTY_ROWS_MAX;
	}
}

/* Of the first snapshot, while this process waits for the session. */
static void say_progress(const struct start *s, struct session_options *so)
{
	bool snapshot = so->snapshots.on || so->snapshots.name;

	if (!snapshot || s->cli->silent ||
	    ttyname_r(STDERR_FILENO, so->progress_tty, sizeof(so->progress_tty)))
		so->progress_tty[0] = '\0';
}

static int in_background(struct start *s, struct session_options *so, struct err *err)
{
	char id[SESSION_ID_LEN + 1];

	if (session_start(so, id, err) < 0)
		return -1;
	puts(id);
	cli_say(s->cli, "Attach with: nono attach %s", so->name ? so->name : id);
	return 0;
}

static int in_front_end(struct start *s, struct session_options *so, struct err *err)
{
	struct tui_options t = {.own = true, .prefix = s->o->prefix};

	if (tui_ready(err) < 0 || session_start(so, s->id, err) < 0)
		return -1;
	t.attach = s->id;
	return tui_main(&t);
}

/* A dry run makes nothing. */
static int forgo_snapshots(struct session_snapshots *o, struct err *err)
{
	const char *dest = o->dest;

	*o = (struct session_snapshots){.on = false};
	return dest ? rollback_place_check(dest, err) : 0;
}

static int start_once(struct start *s, struct err *err)
{
	struct run_options *o = s->o;
	struct session_options so;
	int r;

	run_session_options(o, s->cli->silent, s->argv, &so);
	if (o->dry_run && forgo_snapshots(&so.snapshots, err) < 0)
		return -1;
	so.credentials = s->credentials;
	so.resolved = on_resolved;
	so.data = s;
	if (s->cli->command->mask == WRAP)
		return session_wrap(&so, err);
	so.terminal = o->detached || (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO));
	if (so.terminal)
		terminal_size(o, &so.cols, &so.rows);
	if (so.terminal)
		say_progress(s, &so);
	if (o->detached)
		return in_background(s, &so, err);
	so.named = on_named;
	r = so.terminal ? in_front_end(s, &so, err) : session_run(&so, err);
	if (r >= 0)
		explain_end(s, &so.policy, r, so.terminal);
	if (r >= 0 && s->id[0] && so.snapshots.on && !s->cli->silent)
		rollback_review(s->cli, s->id, !o->no_rollback_prompt);
	return r;
}

static int start(struct cli *cli, char *const *argv, struct err *err)
{
	struct start s = {.cli = cli, .o = cli->options, .argv = argv};
	struct session_options so;
	unsigned mods;
	uint32_t key;
	int r = -1;

	if (s.o->prefix && key_named(s.o->prefix, &key, &mods) < 0)
		return err_usage(err, "'%.40s' is not the name of a key, like C-b", s.o->prefix);
	if (run_check_options(s.o, err) == 0 &&
	    (s.o->config || run_choose_profile(s.o, cli->silent, err) == 0) &&
	    run_credentials(s.o, &s.credentials, err) == 0) {
		run_session_options(s.o, cli->silent, argv, &so);
		r = run_consent(&so.policy, err) < 0 ? -1 : start_once(&s, err);
	}
	if (s.again) {
		s.again = false;
		s.o->allow_cwd = true;
		r = start_once(&s, err);
	}
	free(s.o->chosen_profile);
	strv_free(s.credentials);
	return s.shown ? 0 : r;
}

/* ---- commands -------------------------------------------------------------------------------- */

static int run_command(struct cli *cli, struct err *err)
{
	return start(cli, (char *const *)cli->args, err);
}

static int run_shell(struct cli *cli, struct err *err)
{
	const struct run_options *o = cli->options;
	const char *shell = o->shell ? o->shell : getenv("SHELL");
	char *argv[2] = {(char *)(shell && *shell ? shell : "/bin/sh"), NULL};

	return start(cli, argv, err);
}

const struct command command_run = {
    .name = "run",
    .group = GROUP_RUN,
    .usage = "[options] [--] [PROGRAM [ARGS]]",
    .summary = "Run a program in a session: confined, watched, recorded",
    .details =
	"On a terminal the program gets a pane of the front end (Ctrl+B ? shows its keys, Ctrl+B "
	"d\n"
	"leaves the program running). Without one its input, output and exit code are passed\n"
	"through. Everything after the first word that is no option belongs to the program.\n\n"
	"The exit code is the program's, 128+n if signal n killed it, 1 if nono could not start\n"
	"it, 2 for a wrong command line.\n\n"
	"Examples:\n"
	"  nono run --allow . -- make\n"
	"  nono run --profile claude-code --allow-cwd -- claude\n"
	"  nono run --detached --name build --allow . --block-net -- make test\n",
    .more = run_groups,
    .mask = RUN,
    .size = sizeof(struct run_options),
    .flags = CLI_PROGRAM,
    .max_args = SIZE_MAX,
    .run = run_command,
};

const struct command command_shell = {
    .name = "shell",
    .group = GROUP_RUN,
    .usage = "[options]",
    .summary = "Run your shell in a session",
    .more = run_groups,
    .mask = SHELL,
    .size = sizeof(struct run_options),
    .run = run_shell,
};

const struct command command_wrap = {
    .name = "wrap",
    .group = GROUP_RUN,
    .usage = "[options] [--] [PROGRAM [ARGS]]",
    .summary = "Confine this process and become the program: no supervisor, no record",
    .details = "What only a supervisor can hold (requests, an audit log, closed places inside of\n"
	       "writable folders where the kernel has no other means) is not there; rules that\n"
	       "can't be held without one are an error.\n",
    .more = run_groups,
    .mask = WRAP,
    .size = sizeof(struct run_options),
    .flags = CLI_PROGRAM,
    .max_args = SIZE_MAX,
    .run = run_command,
};
