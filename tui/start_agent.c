/* Agents started from inside, and started again. */
#include "tui/app.h"

#include <sys/stat.h>

/* ---- the command line ------------------------------------------------------ */

static bool add_char(char *word, size_t *n, size_t size, char c)
{
	if (*n + 1 >= size)
		return false;
	word[(*n)++] = c;
	return true;
}

/* One word from *p on; -1 with *err, else its length in word. */
static int take_word(const char **p, char *word, size_t size, struct err *err)
{
	char quote = 0;
	size_t n = 0;

	for (; **p && (quote || (**p != ' ' && **p != '\t')); (*p)++) {
		char c = **p;

		if (quote && c == quote) {
			quote = 0;
			continue;
		}
		if (!quote && (c == '\'' || c == '"')) {
			quote = c;
			continue;
		}
		if (c == '\\' && quote != '\'' && (*p)[1]) {
			c = *++*p;
		} else if (!quote && strchr("|&;<>()`$*?", c)) {
			return err_usage(err,
					 "'%c' is for a shell, and none runs this line: use sh -c "
					 "'...', or quote it",
					 c);
		}
		if (!add_char(word, &n, size, c))
			return err_usage(err, "a word of the command is too long");
	}
	word[n] = 0;
	return quote ? err_usage(err, "the quote %c is not closed", quote) : 0;
}

char **words_split(const char *line, struct err *err)
{
	char **out = xcalloc(1, sizeof(*out));
	size_t n = 0;

	for (const char *p = line;;) {
		char word[1024];

		p += strspn(p, " \t");
		if (!*p)
			return out;
		if (take_word(&p, word, sizeof(word), err)) {
			strv_free(out);
			return NULL;
		}
		out = xrealloc_array(out, n + 2, sizeof(*out));
		out[n++] = xstrdup(word);
		out[n] = NULL;
	}
}

/* ---- starting ---------------------------------------------------------------- */

static char *directory(const char *dir, struct err *err)
{
	_cleanup_free_ char *home = dir_home(), *full = NULL;
	struct stat st;

	if (dir[0] == '~' && (!dir[1] || dir[1] == '/'))
		full = xasprintf("%s%s", home, dir + 1);
	else
		full = xstrdup(dir);
	if (stat(full, &st)) {
		err_errno(err, errno, "%s", full);
		return NULL;
	}
	if (!S_ISDIR(st.st_mode)) {
		err_usage(err, "%s is not a directory", full);
		return NULL;
	}
	return path_real(full, err);
}

static int start(struct tui *t, const char *profile, const char *dir, const char *command,
		 const char *name, char id[SESSION_ID_LEN + 1], struct err *err)
{
	_cleanup_free_ char *real = directory(dir, err);
	char **words = real ? words_split(command, err) : NULL;
	struct pane *focus = pane_focused(t);
	struct session_options o = {
	    .name = name,
	    .policy = {.profile = profile,
		       .workdir = real,
		       .allow_cwd = true,
		       .block_net = -1,
		       .elevation = 1,
		       .protect_workspace = -1},
	    .terminal = true,
	    .cols = focus && focus->body.w > 1 ? focus->body.w : t->canvas.cols,
	    .rows = focus && focus->body.h > 1 ? focus->body.h : t->canvas.rows - 1,
	    .silent = true,
	};
	int r = -1;

	if (!words)
		return -1;
	o.argv = words;
	if (!words[0])
		err_usage(err, "which program should be started?");
	else
		r = session_start(&o, id, err);
	strv_free(words);
	return r;
}

static struct agent *known(struct tui *t, const char *id)
{
	struct agent *a;

	agents_refresh(t);
	a = agents_add_id(t, id);
	if (a)
		agent_connect_now(a);
	else
		tui_message(t, true, "session %s was started but is gone already", id);
	return a;
}

/* Everything that can be said before the old program is ended is said before. */
static int restart_later(struct tui *t, const char *profile, const char *dir, const char *command,
			 const char *id, struct err *err)
{
	_cleanup_free_ char *real = directory(dir, err);
	char **words = real ? words_split(command, err) : NULL;
	struct agent *a = agents_get(t, id);

	if (!words)
		return -1;
	strv_free(words);
	if (!a)
		return err_set(err, "the session is not known any more");
	if (t->restart.id[0])
		return err_set(err, "another session is being started again just now");
	str_copy(t->restart.id, sizeof(t->restart.id), id);
	t->restart.profile = profile ? xstrdup(profile) : NULL;
	t->restart.dir = STEAL_PTR(real);
	t->restart.command = xstrdup(command);
	if (!a->ended) {
		agent_stop(a, false);
		tui_message(t, false, "%s is being ended and starts again then", a->name);
	}
	restart_due(t);
	return 0;
}

int start_agent(struct tui *t, const char *profile, const char *dir, const char *command,
		enum split how, const char *replace_agent, struct err *err)
{
	char id[SESSION_ID_LEN + 1];
	struct agent *a;

	if (t->options->read_only)
		return err_set(err, "read-only: nothing can be started from here");
	if (replace_agent)
		return restart_later(t, profile, dir, command, replace_agent, err);
	if (start(t, profile, dir, command, NULL, id, err))
		return -1;
	a = known(t, id);
	if (a)
		pane_open(t, pane_new(t, PANE_TERMINAL, a), how);
	return 0;
}

static void take_over_panes(struct tui *t, const struct agent *old, struct agent *a)
{
	bool shown = false;

	for (size_t i = 0; i < t->n_tabs; i++) {
		void *v[LAYOUT_LEAVES];
		size_t n = layout_panes(&t->tabs[i].layout, v, LAYOUT_LEAVES);

		for (size_t k = 0; k < n; k++) {
			struct pane *p = v[k];

			if (p->agent != old || p->kind != PANE_TERMINAL)
				continue;
			p->agent = a;
			p->scrolled = false;
			p->crop_x = p->crop_y = 0;
			shown = true;
		}
	}
	if (!shown)
		pane_open(t, pane_new(t, PANE_TERMINAL, a), SPLIT_LEAF);
	panes_arrange(t);
}

void restart_due(struct tui *t)
{
	struct agent *old = t->restart.id[0] ? agents_get(t, t->restart.id) : NULL, *a;
	char id[SESSION_ID_LEN + 1], name[SESSION_NAME_MAX];
	struct err err = {0};
	int r;

	if (!t->restart.id[0] || (old && !old->ended))
		return;
	t->restart.id[0] = 0;
	str_copy(name, sizeof(name), old ? old->name : "");
	r = start(t, t->restart.profile, t->restart.dir, t->restart.command, *name ? name : NULL,
		  id, &err);
	if (r && *name) /* somebody else has taken the name, or it was not one that can be given */
		r = start(t, t->restart.profile, t->restart.dir, t->restart.command, NULL, id,
			  &err);
	free(t->restart.profile);
	free(t->restart.dir);
	free(t->restart.command);
	t->restart.profile = t->restart.dir = t->restart.command = NULL;
	if (r) {
		tui_message(t, true, "not started again: %s", err.msg);
		return;
	}
	a = known(t, id);
	if (a && old && old != a)
		take_over_panes(t, old, a);
	else if (a)
		act_show_agent(t, a, SPLIT_LEAF);
	if (old)
		old->ended_ns = 0; /* the new one stands for it */
}
