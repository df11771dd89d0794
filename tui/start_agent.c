/* Agents started from inside, and started again. */
#include "tui/app.h"

/* ---- starting ---------------------------------------------------------------- */

static int start(struct tui *t, const char *profile, const char *dir, const char *command,
		 const char *name, char id[SESSION_ID_LEN + 1], struct err *err)
{
	_cleanup_free_ struct start_request *r = xcalloc(1, sizeof(*r));
	const struct pane *focus = pane_focused(t);

	r->cols = focus && focus->body.w > 1 ? focus->body.w : t->canvas.cols;
	r->rows = focus && focus->body.h > 1 ? focus->body.h : t->canvas.rows - 1;
	if (!str_copy(r->profile, sizeof(r->profile), profile ? profile : "") ||
	    !str_copy(r->dir, sizeof(r->dir), dir) ||
	    !str_copy(r->command, sizeof(r->command), command) ||
	    !str_copy(r->name, sizeof(r->name), name ? name : ""))
		return err_usage(err, "this is too long");
	return starter_start(&t->starter, r, id, err);
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
	_cleanup_free_ char *real = start_directory(dir, err);
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
			scroll_leave(p);
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
