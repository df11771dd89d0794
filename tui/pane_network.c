/* The network pane: hosts, and what went there. */
#include "tui/list.h"
#include "tui/network_hosts.h"

static const char *const sort_words[NETWORK_SORTS] = {"last", "name", "bytes", "refusals"};

static size_t selected(struct pane *p, const struct host_row *rows, size_t n)
{
	const struct network_view *w = &p->network;

	for (size_t i = 0; i < n; i++)
		if (str_eq(rows[i].a->id, w->agent) && rows[i].h->port == w->port &&
		    str_eq(rows[i].h->host, w->host))
			return i;
	return n; /* none: what was selected is gone */
}

static void choose(struct pane *p, const struct host_row *r)
{
	struct network_view *w = &p->network;

	str_copy(w->agent, sizeof(w->agent), r->a->id);
	str_copy(w->host, sizeof(w->host), r->h->host);
	w->port = r->h->port;
	tui_dirty(p->tui);
}

/* ---- drawing -------------------------------------------------------------------------------- */

static void bytes_text(char out[8], uint64_t n)
{
	static const char units[] = "BKMGTPE";
	unsigned u = 0;

	while (n >= 10000 && u + 1 < sizeof(units) - 1) {
		n /= 1024;
		u++;
	}
	snprintf(out, 8, "%u%c", (unsigned)n, units[u]);
}

static void draw_row(struct pane *p, int y, const struct host_row *r, bool on)
{
	struct tui *t = p->tui;
	const struct rect *b = &p->body;
	const struct host_item *h = r->h;
	const struct style *st = style(t, on ? S_SELECTED : S_TEXT);
	const struct style *dim = style(t, on ? S_SELECTED : S_DIM);
	const struct style *bad = style(t, on ? S_SELECTED : h->denied ? S_BAD : S_DIM);
	struct rect line = {b->x, y, b->w, 1};
	int x = b->x, end = b->x + b->w;
	char in[8], out[8];

	if (on)
		canvas_fill(&t->canvas, &line, st);
	bytes_text(in, h->bytes_in);
	bytes_text(out, h->bytes_out);
	canvas_textf(&t->canvas, x, y, 8, dim, "%.8s", strlen(h->last) > 19 ? h->last + 11 : "");
	canvas_textf(&t->canvas, x + 9, y, 6, st, "%5llu",
		     (unsigned long long)(h->connections + h->requests));
	canvas_textf(&t->canvas, x + 15, y, 6, bad, "%5llu", (unsigned long long)h->denied);
	x += 22;
	if (b->w > 60) {
		canvas_textf(&t->canvas, x, y, 13, dim, "%6s %6s", in, out);
		x += 14;
	}
	if (b->w > 72) {
		canvas_textf(&t->canvas, x, y, 8, h->errors ? bad : dim, "%3u %4llu", h->status,
			     (unsigned long long)h->errors);
		x += 9;
	}
	if (!p->agent && b->w > 90) {
		canvas_text(&t->canvas, x, y, 14, dim, r->a->name);
		x += 15;
	}
	if (end > x)
		canvas_textf(&t->canvas, x, y, end - x, st, "%s:%u%s%s", h->host, h->port,
			     h->denied || h->errors ? "  " : "",
			     h->denied || h->errors ? h->rule : "");
}

static void draw_head(struct pane *p, int y)
{
	struct tui *t = p->tui;
	struct rect r = {p->body.x, y, p->body.w, 1};
	int x = p->body.x + 22;

	canvas_fill(&t->canvas, &r, style(t, S_DIM));
	canvas_text(&t->canvas, p->body.x, y, p->body.w, style(t, S_DIM), "last     count   refd");
	if (p->body.w > 60) {
		canvas_text(&t->canvas, x, y, p->body.w - 22, style(t, S_DIM), "    in    out");
		x += 14;
	}
	if (p->body.w > 72) {
		canvas_text(&t->canvas, x, y, p->body.w - 36, style(t, S_DIM), "code errs ");
		x += 9;
	}
	if (!p->agent && p->body.w > 90)
		x += 15;
	canvas_text(&t->canvas, x, y, p->body.x + p->body.w - x, style(t, S_DIM), "host");
}

static void draw_bar(struct pane *p, int y, bool focused, size_t n)
{
	struct tui *t = p->tui;
	struct rect r = {p->body.x, y, p->body.w, 1};
	const struct network_view *w = &p->network;
	char text[200];
	int x;

	canvas_fill(&t->canvas, &r, style(t, S_BAR));
	snprintf(text, sizeof(text), " %zu hosts · by %s%s%s%s", n, sort_words[w->sort],
		 w->only_refused ? " · refused" : "", w->filter[0] ? " · /" : "", w->filter);
	x = r.x + canvas_text(&t->canvas, r.x, y, r.w, style(t, S_BAR), text);
	if (focused)
		canvas_text(&t->canvas, x, y, r.x + r.w - x, style(t, S_BAR),
			    "  ? keys  Enter details  s allow  A always  d deny  D never  / filter "
			    " q close");
}

static const char *nothing(const struct pane *p)
{
	if (p->network.filter[0] || p->network.only_refused)
		return "nothing fits the filter";
	if (p->agent && str_eq(p->agent->network, "open"))
		return "the session's network is open: no proxy sees what goes where";
	if (p->agent && str_eq(p->agent->network, "blocked"))
		return "the session has no network";
	return "nothing went through the network proxy yet";
}

void draw_network(struct pane *p, bool focused)
{
	_cleanup_free_ struct host_row *v = NULL;
	size_t n = host_rows(p, &v), at = selected(p, v, n), rows;

	if (p->body.h < 2 || p->body.w < 1)
		return;
	rows = (size_t)p->body.h - 2;
	list_follow(&p->network.first, at, rows, n);
	draw_head(p, p->body.y);
	for (size_t i = 0; i < rows && p->network.first + i < n; i++)
		draw_row(p, p->body.y + 1 + (int)i, &v[p->network.first + i],
			 focused && p->network.first + i == at);
	if (!n)
		canvas_text(&p->tui->canvas, p->body.x + 1, p->body.y + 1, p->body.w - 1,
			    style(p->tui, S_DIM), nothing(p));
	draw_bar(p, p->body.y + p->body.h - 1, focused, n);
}

/* ---- keys ----------------------------------------------------------------------------------- */

static void move(struct pane *p, long step)
{
	_cleanup_free_ struct host_row *v = NULL;
	size_t n = host_rows(p, &v), at = selected(p, v, n);

	if (!n)
		return;
	choose(p, &v[at == n ? 0 : list_move(at, step, n)]); /* none: the first */
}

void network_scroll(struct pane *p, int lines)
{
	move(p, -lines);
}

/* Acts on what is selected, never on a row that only happens to be there. */
static void act(struct pane *p, void (*fn)(const struct host_row *r))
{
	_cleanup_free_ struct host_row *v = NULL;
	size_t n = host_rows(p, &v), at = selected(p, v, n);

	if (at < n) {
		struct host_row r = v[at];

		fn(&r);
	} else if (n) {
		tui_message(p->tui, false, "choose a line with the arrow keys first");
	}
}

static void all_or_one(struct pane *p)
{
	struct tui *t = p->tui;
	struct agent *a = p->agent ? NULL : agents_get(t, p->network.agent);

	if (!p->agent && !a)
		a = t->n_agents ? t->agents[0] : NULL;
	if (!p->agent && !a)
		return;
	p->agent = a;
	panes_arrange(t);
}

static void filtered(struct tui *t, const char *ctx, const char *value)
{
	struct pane *p = pane_focused(t);

	(void)ctx;
	if (p && p->kind == PANE_NETWORK)
		str_copy(p->network.filter, sizeof(p->network.filter), value ? value : "");
	tui_dirty(t);
}

static bool move_key(struct pane *p, const struct input_event *ev)
{
	long step;

	if (!list_key(ev, p->body.h - 3, &step))
		return false;
	move(p, step);
	return true;
}

static const char keys_text[] =
    "↑ ↓ PgUp PgDn Home End   choose a line\n"
    "Enter                    all about it\n"
    "s                        allow it until the session ends\n"
    "A                        allow it always: the change of the profile is shown first\n"
    "d                        deny it until the session ends; what leads there ends\n"
    "D                        deny it always: shown first, too\n"
    "c                        copy the flag that would grant it\n"
    "/                        only hosts with this in their name\n"
    "r                        only what was refused, and back\n"
    "o                        another order: last, name, bytes, refusals\n"
    "a                        all sessions, or one\n"
    "q                        close the pane\n";

bool network_key(struct pane *p, const struct input_event *ev)
{
	struct network_view *w = &p->network;

	tui_dirty(p->tui);
	if ((ev->mods & ~(unsigned)PTY_SHIFT) || move_key(p, ev))
		return true;
	switch (ev->key) {
	case PTY_KEY_ENTER:
	case 'w':
		act(p, host_details);
		break;
	case 's':
		act(p, host_allow);
		break;
	case 'A':
		act(p, host_always);
		break;
	case 'd':
		act(p, host_deny_session);
		break;
	case 'D':
		act(p, host_deny);
		break;
	case 'c':
		act(p, host_copy);
		break;
	case '/':
		dialog_input(p->tui, "Only hosts with this in their name", w->filter, filtered, "");
		break;
	case 'r':
		w->only_refused = !w->only_refused;
		break;
	case 'o':
		w->sort = (w->sort + 1) % NETWORK_SORTS;
		break;
	case 'a':
		all_or_one(p);
		break;
	case '?':
		dialog_text(p->tui, "Keys of the network pane", keys_text, false, NULL, NULL, NULL);
		break;
	case 'q':
		pane_close(p->tui, p);
		break;
	default:
		return false;
	}
	return true;
}
