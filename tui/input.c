/* Where the user's input goes: dialogs, commands after the prefix, the focused pane. */
#include "tui/app.h"

#define REPEAT_NS 600000000ull

static void to_agent(struct tui *t, struct agent *a, const struct input_event *ev)
{
	char utf8[4];

	t->last_key_ns = clock_mono_ns();
	if (!a->screen || a->screen_over)
		return;
	if (ev->key < PTY_KEY_BASE && !ev->mods)
		pty_client_text(a->screen, utf8, utf8_encode(ev->key, utf8));
	else
		pty_client_key(a->screen, ev->key, ev->mods);
	t->echo = true;
	agent_flush(a);
}

/* A pane whose program is over takes two keys. */
static bool ended_key(struct tui *t, struct pane *p, const struct input_event *ev)
{
	if (p->kind != PANE_TERMINAL)
		return false;
	if (p->agent->dropped && ev->key == PTY_KEY_ENTER) {
		p->agent->dropped = false;
		agent_screen_close(p->agent);
		panes_arrange(t);
		return true;
	}
	if (!p->agent->ended)
		return p->agent->dropped;
	if (ev->key == PTY_KEY_ENTER)
		pane_close(t, p);
	else if (ev->key == 'r')
		act_restart(t, 0);
	return true;
}

static void to_pane(struct tui *t, const struct input_event *ev)
{
	struct pane *p = pane_focused(t);

	if (!p)
		return;
	if (p->kind == PANE_AUDIT) {
		audit_key(p, ev);
	} else if (p->kind == PANE_VIOLATIONS || p->kind == PANE_NETWORK) {
		list_pane_key(p, ev);
	} else if (p->kind == PANE_REVIEW) {
		review_key(p, ev);
	} else if (!scroll_key(p, ev) && !ended_key(t, p, ev)) {
		if (t->options->read_only)
			tui_message(t, false, "read-only: nothing can be typed here");
		else
			to_agent(t, p->agent, ev);
	}
}

static void send_prefix(struct tui *t)
{
	struct input_event ev = {.type = INPUT_KEY, .key = t->prefix_key, .mods = t->prefix_mods};

	to_pane(t, &ev);
}

static void command(struct tui *t, const struct input_event *ev)
{
	const struct binding *b;

	t->prefix = false;
	tui_dirty(t);
	if (ev->key == t->prefix_key && ev->mods == t->prefix_mods) {
		send_prefix(t);
		return;
	}
	b = binding_find(ev->key, ev->mods);
	if (!b) {
		char name[32];

		key_label(ev->key, ev->mods, name, sizeof(name));
		tui_message(t, false, "%s is no command; ? shows all keys", name);
		return;
	}
	b->fn(t, b->arg);
	t->repeat_until = b->repeat ? clock_mono_ns() + REPEAT_NS : 0;
}

static bool repeated(struct tui *t, const struct input_event *ev)
{
	const struct binding *b;

	if (!t->repeat_until || clock_mono_ns() > t->repeat_until)
		return false;
	b = binding_find(ev->key, ev->mods);
	if (!b || !b->repeat) {
		t->repeat_until = 0;
		return false;
	}
	b->fn(t, b->arg);
	t->repeat_until = clock_mono_ns() + REPEAT_NS;
	return true;
}

static bool number_key(struct tui *t, const struct input_event *ev)
{
	struct tab *tab = tab_current(t);
	void *v[LAYOUT_LEAVES];
	size_t n;

	if (!t->numbers)
		return false;
	t->numbers = false;
	tui_dirty(t);
	n = tab ? layout_panes(&tab->layout, v, LAYOUT_LEAVES) : 0;
	if (ev->key < '0' || ev->key > '9' || ev->key - '0' >= n)
		return false;
	pane_focus(t, v[ev->key - '0']);
	return true;
}

static void key(struct tui *t, const struct input_event *ev)
{
	if (t->message_ns && !t->message_bad) {
		t->message_ns = 0;
		tui_dirty(t);
	}
	if (t->dialog) {
		t->dialog->ops->key(t->dialog, ev);
		tui_dirty(t);
	} else if (t->prefix) {
		command(t, ev);
	} else if (ev->key == t->prefix_key && ev->mods == t->prefix_mods) {
		t->prefix = true;
		tui_dirty(t);
	} else if (!number_key(t, ev) && !repeated(t, ev) && !requests_key(t, ev)) {
		to_pane(t, ev);
	}
}

static void paste(struct tui *t, const struct input_event *ev)
{
	struct pane *p = pane_focused(t);

	if (t->dialog) {
		if (t->dialog->ops->paste)
			t->dialog->ops->paste(t->dialog, ev->text, ev->n);
		tui_dirty(t);
	} else if (p && p->kind == PANE_AUDIT) {
		audit_paste(p, ev->text, ev->n);
	} else if (p && p->kind == PANE_TERMINAL && p->scroll.on) {
		if (!scroll_paste(p, ev->text, ev->n))
			tui_message(t, false,
				    "not pasted: the pane shows its scrollback (q leaves it)");
	} else if (p && p->kind == PANE_TERMINAL && p->agent->screen && !p->agent->screen_over &&
		   !t->options->read_only) {
		t->last_key_ns = clock_mono_ns();
		pty_client_paste(p->agent->screen, ev->text, ev->n);
		agent_flush(p->agent);
	}
}

static void focus(struct tui *t, bool on)
{
	struct pane *p = pane_focused(t);

	if (p && p->agent && p->agent->screen && !p->agent->screen_over) {
		pty_client_focus(p->agent->screen, on);
		agent_flush(p->agent);
	}
}

static void reply(struct tui *t, const struct input_event *ev)
{
	const struct term_caps *caps = &t->term.caps;

	if (!t->have_term || !term_reply(&t->term, ev))
		return;
	t->output.caps = caps->out;
	theme_init(
	    &t->theme, t->config.theme, t->theme.color,
	    &(struct theme_terminal){caps->out.colors, caps->have_colors, caps->fg, caps->bg});
	for (size_t i = 0; caps->have_colors && i < t->n_agents; i++)
		if (t->agents[i]->screen && !t->agents[i]->screen_over) {
			pty_client_colors(t->agents[i]->screen, caps->fg, caps->bg, caps->dark);
			agent_flush(t->agents[i]);
		}
	tui_dirty(t);
}

void input_event(void *data, const struct input_event *ev)
{
	struct tui *t = data;

	switch (ev->type) {
	case INPUT_KEY:
		key(t, ev);
		break;
	case INPUT_PASTE:
		paste(t, ev);
		break;
	case INPUT_PASTE_BIG:
		tui_message(t, true, "a paste of more than 1 MiB was not sent");
		break;
	case INPUT_MOUSE:
		input_mouse(t, ev);
		break;
	case INPUT_FOCUS:
		focus(t, ev->on);
		break;
	case INPUT_REPLY:
		reply(t, ev);
		break;
	}
}
