/* Screens of sessions: connected while a pane shows them, dropped when none does. */
#include "tui/app.h"

#define CLIPBOARD_MAX 100000

static void on_update(void *data, const struct pty_screen *s)
{
	struct agent *a = data;

	struct tui *t = a->tui;
	const struct pane *p = pane_focused(t);

	(void)s;
	if (!a->visible)
		return;
	tui_screen_dirty(t);
	mouse_update(t);
	if (t->echo && p && p->agent == a) {
		t->echo = false;
		t->urgent = t->held = true;
		pty_client_hold(a->screen);
	}
}

static void on_history(void *data, uint64_t first, size_t count, int cols,
		       const struct pty_cell *cells)
{
	struct agent *a = data;

	farewell_history(a->tui, a, first, count, cols, cells);
	agent_history_got(a, first, count, cols, cells);
	tui_dirty(a->tui);
}

static void on_found(void *data, const struct pty_found *found)
{
	scroll_found(data, found);
}

static void on_copied(void *data, uint32_t id, bool cut, const char *text, size_t n)
{
	scroll_copied(data, id, cut, text, n);
}

static void on_bell(void *data)
{
	struct agent *a = data;
	struct tui *t = a->tui;
	struct pane *p = pane_focused(t);

	if (t->have_term && t->config.bell && p && p->agent == a)
		buf_addc(&t->term.replies, '\a');
	tui_dirty(t);
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void add_base64(struct buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)(uint8_t)s[i] << 16;
		size_t have = n - i < 3 ? n - i : 3;

		if (have > 1)
			v |= (uint32_t)(uint8_t)s[i + 1] << 8;
		if (have > 2)
			v |= (uint8_t)s[i + 2];
		for (size_t k = 0; k < 4; k++)
			buf_addc(b, k <= have ? base64[v >> (18 - 6 * k) & 63] : '=');
	}
}

void tui_clipboard(struct tui *t, const char *text, size_t n)
{
	buf_adds(&t->term.replies, "\033]52;c;");
	add_base64(&t->term.replies, text, n);
	buf_adds(&t->term.replies, "\033\\");
}

/* What a person pastes later must not be what a program has put there unseen: the person takes
 * it, or has said in the settings that the focused program may. Never empties the clipboard. */
static void on_clipboard(void *data, const char *text, size_t n)
{
	struct agent *a = data;
	struct tui *t = a->tui;
	struct pane *p = pane_focused(t);
	char prefix[32];

	if (!n || !t->have_term)
		return;
	if (n > CLIPBOARD_MAX || t->config.clipboard == CLIPBOARD_OFF) {
		tui_message(t, true, "%s wanted to set the clipboard: refused (%s)", a->name,
			    n > CLIPBOARD_MAX ? "too long" : "switched off");
		return;
	}
	if (t->config.clipboard == CLIPBOARD_FOCUSED && p && p->agent == a &&
	    p->kind == PANE_TERMINAL) {
		tui_clipboard(t, text, n);
		tui_message(t, false, "%s set the clipboard (%zu bytes)", a->name, n);
		return;
	}
	str_copy(t->clip.from, sizeof(t->clip.from), a->name);
	buf_clear(&t->clip.text);
	buf_add(&t->clip.text, text, n);
	key_label(t->prefix_key, t->prefix_mods, prefix, sizeof(prefix));
	tui_message(t, false, "%s offers %zu bytes for the clipboard: %s y takes them", a->name, n,
		    prefix);
}

void act_clipboard(struct tui *t, int arg)
{
	(void)arg;
	if (!t->clip.text.len || !t->have_term) {
		tui_message(t, false, "no program offers anything for the clipboard");
		return;
	}
	tui_clipboard(t, t->clip.text.data, t->clip.text.len);
	tui_message(t, false, "the clipboard holds %zu bytes of %s", t->clip.text.len,
		    t->clip.from);
	buf_free(&t->clip.text);
}

static void on_notify(void *data, const char *title, const char *body)
{
	struct agent *a = data;
	char text[300];

	if (!a->tui->config.notifications)
		return;
	snprintf(text, sizeof(text), "%s%s%s", title ? title : "", title && *title ? ": " : "",
		 body ? body : "");
	tui_message(a->tui, false, "%s: %s", a->name, text);
}

static void on_screen(void *data, int events)
{
	struct agent *a = data;
	int over = 0;

	if (events & UV_WRITABLE)
		over = pty_client_on_writable(a->screen);
	if (!over && (events & UV_READABLE))
		over = pty_client_on_readable(a->screen);
	if (!over) {
		agent_flush(a);
		return;
	}
	/* What it showed last stays in the picture. */
	watch_free(a->screen_watch);
	a->screen_watch = NULL;
	a->screen_over = true;
	a->screen_over_ns = clock_mono_ns();
	a->tui->registry_changed = true;
	tui_dirty(a->tui);
}

static void got_screen(struct agent *a, const cJSON *answer, int fd, const char *ctx)
{
	struct tui *t = a->tui;
	const struct pty_client_events events = {
	    .update = on_update,
	    .history = on_history,
	    .found = on_found,
	    .copied = on_copied,
	    .bell = on_bell,
	    .clipboard = on_clipboard,
	    .notify = on_notify,
	    .data = a,
	};

	(void)ctx;
	a->screen_asked = false;
	if (!answer_ok(answer) || fd < 0) {
		if (fd >= 0)
			close(fd);
		if (answer)
			tui_message(t, true, "%s: no screen: %s", a->name, answer_error(answer));
		return;
	}
	if (!a->visible) {
		close(fd);
		return;
	}
	agent_screen_close(a);
	a->screen = pty_client_new(fd, a->view_cols, a->view_rows, t->options->read_only, &events);
	if (!a->screen)
		return;
	a->screen_over = false;
	a->screen_watch = watch_new(&t->loop, pty_client_fd(a->screen), on_screen, a);
	if (t->have_term && t->term.caps.have_colors)
		pty_client_colors(a->screen, t->term.caps.fg, t->term.caps.bg, t->term.caps.dark);
	agent_flush(a);
}

void agent_screen_close(struct agent *a)
{
	watch_free(a->screen_watch);
	a->screen_watch = NULL;
	if (a->screen)
		pty_client_free(a->screen);
	a->screen = NULL;
	a->screen_over = false;
	a->copy_id = 0;
	agent_history_forget(a);
}

void agent_screen_want(struct agent *a, bool visible, int cols, int rows)
{
	bool resized = cols != a->view_cols || rows != a->view_rows;
	cJSON *args;

	a->visible = visible;
	if (!visible) {
		if (a->screen && !a->ended)
			agent_screen_close(a);
		return;
	}
	a->view_cols = cols;
	a->view_rows = rows;
	if (a->screen && !a->screen_over) {
		if (resized)
			pty_client_resize(a->screen, cols, rows);
		agent_flush(a);
		return;
	}
	if (a->screen_asked || !a->control || !a->terminal || a->ended || a->screen_over)
		return;
	args = cJSON_CreateObject();
	cJSON_AddBoolToObject(args, "read_only", a->tui->options->read_only);
	cJSON_AddNumberToObject(args, "cols", cols);
	cJSON_AddNumberToObject(args, "rows", rows);
	a->screen_asked = agent_call(a, "screen", args, got_screen, NULL);
}
