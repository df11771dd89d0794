/* The network pane: hosts, and what went there. */
#include "tui/network_hosts.h"

static const char *const sort_words[NETWORK_SORTS] = {"last", "name", "bytes", "refusals"};

static bool is_chosen(const struct pane *p, const struct list_row *r)
{
	return r->h->port == p->network.port && str_eq(r->h->host, p->network.host);
}

static void choose(struct pane *p, const struct list_row *r)
{
	str_copy(p->network.host, sizeof(p->network.host), r->h->host);
	p->network.port = r->h->port;
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

static void draw_row(struct pane *p, int y, const struct list_row *r, bool on)
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
		canvas_textf(&t->canvas, x, y, 9, h->errors ? bad : dim, "%4u %4llu", h->status,
			     (unsigned long long)h->errors);
		x += 10;
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
		x += 10;
	}
	if (!p->agent && p->body.w > 90)
		x += 15;
	canvas_text(&t->canvas, x, y, p->body.x + p->body.w - x, style(t, S_DIM), "host");
}

static void count(const struct pane *p, size_t n, char *out, size_t size)
{
	const struct network_view *w = &p->network;

	snprintf(out, size, " %zu hosts · by %s%s%s%s", n, sort_words[w->sort],
		 w->only_refused ? " · refused" : "", w->filter[0] ? " · /" : "", w->filter);
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

/* ---- keys ----------------------------------------------------------------------------------- */

static void filtered(struct tui *t, const char *ctx, const char *value)
{
	struct pane *p = pane_focused(t);

	(void)ctx;
	if (p && p->kind == PANE_NETWORK)
		str_copy(p->network.filter, sizeof(p->network.filter), value ? value : "");
	tui_dirty(t);
}

static void ask_filter(struct pane *p)
{
	dialog_input(p->tui, "Only hosts with this in their name", p->network.filter, filtered, "");
}

static void only_refused(struct pane *p)
{
	p->network.only_refused = !p->network.only_refused;
}

static void other_order(struct pane *p)
{
	p->network.sort = (p->network.sort + 1) % NETWORK_SORTS;
}

static const struct list_action actions[] = {
    {PTY_KEY_ENTER, host_details, NULL},
    {'w', host_details, NULL},
    {'s', host_allow, NULL},
    {'A', host_always, NULL},
    {'d', host_deny_session, NULL},
    {'D', host_deny, NULL},
    {'e', host_events, NULL},
    {'c', host_copy, NULL},
    {'/', NULL, ask_filter},
    {'r', NULL, only_refused},
    {'o', NULL, other_order},
};

static const char keys_text[] =
    "↑ ↓ PgUp PgDn Home End   choose a line\n"
    "Enter                    all about it\n"
    "s                        allow it until the session ends\n"
    "A                        allow it always: the change of the profile is shown first\n"
    "d                        deny it until the session ends; what leads there ends\n"
    "D                        deny it always: shown first, too\n"
    "e                        its events, in the audit pane (c there: what was around one)\n"
    "c                        copy the flag that would grant it\n"
    "/                        only hosts with this in their name\n"
    "r                        only what was refused, and back\n"
    "o                        another order: last, name, bytes, refusals\n"
    "a                        all sessions, or one\n"
    "q                        close the pane\n";

const struct list_kind network_list = {
    .rows = host_rows,
    .is_chosen = is_chosen,
    .choose = choose,
    .draw_head = draw_head,
    .draw_row = draw_row,
    .count = count,
    .nothing = nothing,
    .hint = "  ? keys  Enter details  s allow  A always  d deny  D never  / filter  q close",
    .title = "Keys of the network pane",
    .help = keys_text,
    .actions = actions,
    .n_actions = ARRAY_LEN(actions),
};
