/* The bottom line: tabs, every session with its state, counters, time; or a message. */
#include "tui/app.h"

#include <time.h>

#include "tui/width.h"

static int put(struct tui *t, int x, int y, int max, enum theme_style s, bool on, const char *text)
{
	const struct style *bar = style(t, on ? S_BAR_ON : S_BAR);
	struct style st = *style(t, s);

	/* Accents keep the bar's ground; on an inverted bar a foreground would become one. */
	st.attr |= bar->attr;
	st.bg = bar->bg;
	if (bar->attr & PTY_INVERSE)
		st.fg = 0;
	else if (!st.fg) /* a theme's ground may be the terminal's own colour of text */
		st.fg = bar->fg;
	return canvas_text(&t->canvas, x, y, max, &st, text);
}

static int draw_tabs(struct tui *t, int x, int y, int end)
{
	for (size_t i = 0; t->n_tabs > 1 && i < t->n_tabs && x < end - 12; i++) {
		bool on = i == t->tab;
		char text[64];

		snprintf(text, sizeof(text), " %zu:%s%s", i, t->tabs[i].name, on ? "* " : " ");
		x += put(t, x, y, end - x > 16 ? 16 : end - x, S_TEXT, on, text);
	}
	if (t->n_tabs > 1)
		x += put(t, x, y, end - x, S_TEXT, false, "│");
	return x;
}

static size_t agent_text(const struct agent *a, bool words, char *out, size_t size)
{
	enum session_activity act = agent_activity(a);
	char state[40] = "";

	if (a->ended && a->exit_code >= 0)
		snprintf(state, sizeof(state), " exited(%d)", a->exit_code);
	else if (a->ended)
		snprintf(state, sizeof(state), " vanished");
	else if (words)
		snprintf(state, sizeof(state), " %s", session_activity_name(act));
	snprintf(out, size, " %s %s%s ", theme_activity_glyph(act), a->name, state);
	return width_text(out);
}

/* Sessions in the order of their start; what does not fit is counted, but the focused one and
 * those that ask come first into the room there is. */
static int draw_agents(struct tui *t, int x, int y, int end)
{
	const struct pane *focus = pane_focused(t);
	size_t need = 0, left_out = 0;
	char text[160];
	bool words;

	for (size_t i = 0; i < t->n_agents; i++)
		need += agent_text(t->agents[i], true, text, sizeof(text));
	words = need <= (size_t)(end > x ? end - x : 0);
	t->n_bar = 0;
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < t->n_agents; i++) {
			struct agent *a = t->agents[i];
			bool on = focus && focus->agent == a;
			enum session_activity act = agent_activity(a);
			bool urgent = on || act == ACTIVITY_ASKS;
			size_t w;

			if (!words && urgent != (pass == 0))
				continue;
			if (words && pass)
				continue;
			w = agent_text(a, words || urgent, text, sizeof(text));
			if (x + (int)w > end - (words ? 0 : 5)) {
				left_out++;
				continue;
			}
			if (t->n_bar < ARRAY_LEN(t->bar)) {
				t->bar[t->n_bar].x = x;
				t->bar[t->n_bar].w = (int)w;
				t->bar[t->n_bar++].agent = a;
			}
			x += put(t, x, y, end - x, theme_activity_style(act), on, text);
		}
	if (left_out) {
		snprintf(text, sizeof(text), "+%zu ", left_out);
		x += put(t, x, y, end - x, S_TEXT, false, text);
	}
	return x;
}

static void right_part(struct tui *t, char *out, size_t size)
{
	unsigned long long denied = 0;
	size_t asks = requests_count(t), at = 0;
	bool log_failed = false;
	time_t now = time(NULL);
	struct tm tm;

	out[0] = 0;
	for (size_t i = 0; i < t->n_agents; i++)
		denied += t->agents[i]->state.denied;
	for (size_t i = 0; i < t->n_agents; i++)
		log_failed |= t->agents[i]->state.log_failed && !t->agents[i]->ended;
	if (log_failed)
		at += (size_t)snprintf(out + at, size - at, " a log can't be written");
	if (asks && at < size)
		at += (size_t)snprintf(out + at, size - at, " %zu asks", asks);
	if (denied && at < size)
		at += (size_t)snprintf(out + at, size - at, " %llu refused", denied);
	if (t->clip.text.len && at < size)
		at += (size_t)snprintf(out + at, size - at, " clipboard? (y)");
	localtime_r(&now, &tm);
	if (at < size)
		snprintf(out + at, size - at, " %02d:%02d ", tm.tm_hour, tm.tm_min);
}

void draw_statusline(struct tui *t, int y)
{
	struct rect r = {0, y, t->canvas.cols, 1};
	char right[96];
	int end;

	canvas_fill(&t->canvas, &r, style(t, S_BAR));
	right_part(t, right, sizeof(right));
	end = t->canvas.cols - (int)width_text(right);
	if (end > 0)
		put(t, end, y, t->canvas.cols - end, requests_count(t) ? S_BAD : S_TEXT, false,
		    right);
	if (t->prefix) {
		put(t, 0, y, end, S_WARN, true, " command: a key, or ? for all keys ");
	} else if (t->message_ns) {
		t->n_bar = 0;
		put(t, 1, y, end - 1, t->message_bad ? S_BAD : S_TEXT, false, t->message);
	} else {
		draw_agents(t, draw_tabs(t, 0, y, end), y, end);
	}
}

struct agent *statusline_hit(struct tui *t, int x)
{
	for (size_t i = 0; i < t->n_bar; i++)
		if (x >= t->bar[i].x && x < t->bar[i].x + t->bar[i].w)
			return t->bar[i].agent;
	return NULL;
}
