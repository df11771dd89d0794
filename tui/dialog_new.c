/* The form for a new agent: profile, directory, command; with what was started before. */
#include "tui/app.h"

#define HISTORY_MAX 50

enum field { FIELD_PROFILE = 0, FIELD_DIR, FIELD_COMMAND, FIELD_COUNT };

struct form {
	struct dialog d;
	int how;       /* enum split */
	char *restart; /* session that is replaced */
	enum field field;
	char **profiles;
	size_t n_profiles, profile;
	struct line_edit dir, command;
	char **history;	      /* oldest first */
	size_t n_history, at; /* at == n_history: the line being typed */
	char error[512];
};

/* ---- commands of before -------------------------------------------------- */

static char *history_path(const struct tui *t)
{
	return xasprintf("%s/commands", t->state_dir);
}

static void history_load(struct form *f)
{
	_cleanup_free_ char *path = history_path(f->d.tui), *text = NULL;
	struct err err;

	text = file_read(path, 1 << 16, NULL, &err);
	for (char *save = NULL, *line = text ? strtok_r(text, "\n", &save) : NULL;
	     line && f->n_history < HISTORY_MAX; line = strtok_r(NULL, "\n", &save)) {
		f->history = xrealloc_array(f->history, f->n_history + 1, sizeof(*f->history));
		f->history[f->n_history++] = xstrdup(line);
	}
	f->at = f->n_history;
}

static void history_save(const struct form *f)
{
	_cleanup_free_ char *path = history_path(f->d.tui);
	_cleanup_(buf_free) struct buf b = {0};
	struct err err;

	for (size_t i = f->n_history >= HISTORY_MAX; i < f->n_history; i++)
		if (!str_eq(f->history[i], f->command.text))
			buf_addf(&b, "%s\n", f->history[i]);
	buf_addf(&b, "%s\n", f->command.text);
	if (dir_private(f->d.tui->state_dir, &err) ||
	    file_write_atomic(path, 0600, b.data, b.len, &err))
		tui_message(f->d.tui, true, "the command is not remembered: %s", err.msg);
}

static void history_step(struct form *f, int step)
{
	if ((step < 0 && f->at == 0) || (step > 0 && f->at >= f->n_history))
		return;
	f->at = (size_t)((int)f->at + step);
	line_set(&f->command, f->at < f->n_history ? f->history[f->at] : "");
}

/* ---- drawing ------------------------------------------------------------- */

static void form_draw(struct dialog *d, struct canvas *c)
{
	struct form *f = (struct form *)d;
	struct tui *t = d->tui;
	struct rect r =
	    dialog_frame(t, c, 76, 11, f->restart ? "Restart agent" : "New agent",
			 "Tab next field · ←→ profile · ↑↓ earlier commands · Enter starts · Esc");
	static const char *const labels[FIELD_COUNT] = {"Profile", "Directory", "Command"};
	struct rect note = {r.x, r.y + 6, r.w, r.h - 6};

	for (int i = 0; i < FIELD_COUNT; i++)
		canvas_textf(c, r.x, r.y + 1 + i, 11, style(t, i == (int)f->field ? S_INFO : S_DIM),
			     "%c %s", i == (int)f->field ? '>' : ' ', labels[i]);
	canvas_textf(c, r.x + 12, r.y + 1, r.w - 12,
		     style(t, f->field == FIELD_PROFILE ? S_SELECTED : S_TEXT), "‹ %s › %zu of %zu",
		     f->n_profiles ? f->profiles[f->profile] : "default", f->profile + 1,
		     f->n_profiles);
	line_draw(&f->dir, c, r.x + 12, r.y + 2, r.w - 12, style(t, S_TEXT), f->field == FIELD_DIR);
	line_draw(&f->command, c, r.x + 12, r.y + 3, r.w - 12, style(t, S_TEXT),
		  f->field == FIELD_COMMAND);
	if (f->field == FIELD_PROFILE)
		c->cx = -1;
	if (f->error[0])
		canvas_wrap(c, &note, style(t, S_BAD), f->error);
	else
		canvas_wrap(c, &note, style(t, S_DIM),
			    f->restart ? "The running program is stopped first. Grants of the old "
					 "command line are not "
					 "taken over; the directory is granted."
				       : "The agent may read and change files in this directory. "
					 "What else it wants, "
					 "it has to ask for.");
}

/* ---- keys ---------------------------------------------------------------- */

static void submit(struct form *f)
{
	struct tui *t = f->d.tui;
	struct err err = {0};

	if (!f->command.n) {
		str_copy(f->error, sizeof(f->error), "Which program should be started?");
		f->field = FIELD_COMMAND;
		return;
	}
	if (start_agent(t, f->n_profiles ? f->profiles[f->profile] : NULL, f->dir.text,
			f->command.text, (enum split)f->how, f->restart, &err)) {
		text_printable(f->error, sizeof(f->error), err.msg, strlen(err.msg));
		return;
	}
	history_save(f);
	dialog_close(t);
}

static void form_key(struct dialog *d, const struct input_event *ev)
{
	struct form *f = (struct form *)d;

	switch (ev->key) {
	case PTY_KEY_ESCAPE:
		dialog_close(d->tui);
		return;
	case PTY_KEY_ENTER:
		submit(f);
		return;
	case PTY_KEY_TAB:
		f->field =
		    (f->field + (ev->mods & PTY_SHIFT ? FIELD_COUNT - 1u : 1u)) % FIELD_COUNT;
		return;
	default:
		break;
	}
	f->error[0] = 0;
	if (f->field == FIELD_COMMAND && (ev->key == PTY_KEY_UP || ev->key == PTY_KEY_DOWN))
		history_step(f, ev->key == PTY_KEY_UP ? -1 : 1);
	else if (f->field == FIELD_COMMAND)
		line_key(&f->command, ev);
	else if (f->field == FIELD_DIR)
		line_key(&f->dir, ev);
	else if (ev->key == PTY_KEY_RIGHT && f->n_profiles)
		f->profile = (f->profile + 1) % f->n_profiles;
	else if (ev->key == PTY_KEY_LEFT && f->n_profiles)
		f->profile = (f->profile + f->n_profiles - 1) % f->n_profiles;
}

static void form_paste(struct dialog *d, const char *text, size_t n)
{
	struct form *f = (struct form *)d;

	if (f->field != FIELD_PROFILE)
		line_insert(f->field == FIELD_DIR ? &f->dir : &f->command, text, n);
}

static void form_free(struct dialog *d)
{
	struct form *f = (struct form *)d;

	strv_free(f->profiles);
	for (size_t i = 0; i < f->n_history; i++)
		free(f->history[i]);
	free(f->history);
	free(f->restart);
}

/* A word as it has to be typed. */
static void add_word(struct buf *b, const char *w)
{
	bool plain = *w && !w[strcspn(w, " \t\"'\\$&|;<>()*?#~`")];

	if (b->len)
		buf_addc(b, ' ');
	if (plain) {
		buf_adds(b, w);
		return;
	}
	buf_addc(b, '\'');
	for (; *w; w++) {
		if (*w == '\'')
			buf_adds(b, "'\\'");
		buf_addc(b, *w);
	}
	buf_addc(b, '\'');
}

void dialog_new_agent(struct tui *t, int how, const char *restart)
{
	static const struct dialog_ops ops = {form_draw, form_key, form_paste, form_free};
	struct form *f = xcalloc(1, sizeof(*f));
	struct agent *old = restart ? agents_get(t, restart) : NULL;
	const char *profile = old ? agent_profile(old) : NULL;
	_cleanup_free_ char *cwd = getcwd(NULL, 0);
	_cleanup_(buf_free) struct buf line = {0};

	f->d.ops = &ops;
	f->d.tui = t;
	f->how = how;
	f->restart = old ? xstrdup(restart) : NULL;
	f->profiles = policy_profiles();
	while (f->profiles && f->profiles[f->n_profiles]) {
		if (str_eq(f->profiles[f->n_profiles], profile ? profile : "default"))
			f->profile = f->n_profiles;
		f->n_profiles++;
	}
	history_load(f);
	line_set(&f->dir, old && old->workdir ? old->workdir : cwd ? cwd : "/");
	for (char **w = old ? old->command : NULL; w && *w; w++)
		add_word(&line, *w);
	line_set(&f->command, line.len ? line.data : "");
	f->field = FIELD_COMMAND;
	if (line.len && strstr(line.data, "[REDACTED]"))
		str_copy(f->error, sizeof(f->error),
			 "Secrets of the command line were not recorded: replace [REDACTED].");
	dialog_open(t, &f->d);
}
