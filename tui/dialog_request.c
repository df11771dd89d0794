/* The dialog of a request: drawn over the pane that asks, never answered by accident. */
#include "tui/app.h"

#include "tui/width.h"

#define BOX_W  84
#define BOX_H  16
#define TOOL_H 24 /* all arguments of a tool are seen */

#define TOOL_LINES 12

static bool is_tool(const struct session_request_info *r)
{
	return str_eq(r->kind, "tool");
}

/* The profile alone may say "always". */
static bool is_never_always(const struct session_request_info *r)
{
	return str_eq(r->origin, "tool");
}

/* Over the asking pane when that is on the screen and large enough, else in the middle. */
static struct rect box_for(struct tui *t, const struct agent *a, bool tool)
{
	const int height = tool ? TOOL_H : BOX_H;
	struct pane *p = pane_find(t, PANE_TERMINAL, a, NULL);
	struct rect within = {0, 0, t->canvas.cols, t->canvas.rows - 1}, r;

	if (p && p->shown && p->body.w >= 56 && p->body.h >= height)
		within = p->body;
	r.w = within.w - 4 < BOX_W ? within.w - 4 : BOX_W;
	r.h = within.h < height ? within.h : height;
	r.x = within.x + (within.w - r.w) / 2;
	r.y = within.y + (within.h - r.h) / 2;
	return r;
}

/* One labelled fact, wrapped over at most max lines; returns the next free line. */
static int fact(struct tui *t, const struct rect *in, int y, int max, enum theme_style s,
		const char *label, const char *text)
{
	struct rect r = {in->x + 10, in->y + y, in->w - 10, max};
	char printable[4200];
	int lines;

	if (!*text || r.w < 1 || y >= in->h)
		return y;
	if (r.h > in->h - y)
		r.h = in->h - y;
	text_printable(printable, sizeof(printable), text, strlen(text));
	canvas_text(&t->canvas, in->x, in->y + y, 9, style(t, S_DIM), label);
	lines = canvas_wrap(&t->canvas, &r, style(t, s), printable);
	return y + (lines < r.h ? lines : r.h);
}

static int target_lines(const struct rect *in, const struct session_request_info *r)
{
	return is_tool(r) ? TOOL_LINES : in->h > 9 ? in->h - 6 : 3;
}

static int lines_needed(struct tui *t, int w, const char *text)
{
	const struct rect r = {0, 0, w, 0};
	char printable[4200];

	text_printable(printable, sizeof(printable), text, strlen(text));
	return *text ? canvas_wrap(&t->canvas, &r, style(t, S_TEXT), printable) : 0;
}

/* Nobody allows what they see a part of. */
static bool shows_whole(struct tui *t, const struct rect *in, const struct session_request_info *r)
{
	int max = target_lines(in, r), one = lines_needed(t, in->w - 10, r->target),
	    two = lines_needed(t, in->w - 10, r->target2);

	return in->w > 10 && one <= max && two <= max && one + two <= in->h;
}

static void draw_facts(struct tui *t, const struct rect *in, const struct session_request_info *r)
{
	const bool tool = is_tool(r);
	const int max = target_lines(in, r);
	char text[1400];
	int y = 0;

	y = fact(t, in, y, max, S_BOLD, r->kind, r->target);
	y = fact(t, in, y, max, S_BOLD, "and", r->target2);
	if (r->asked[0] && !str_eq(r->asked, r->target))
		y = fact(t, in, y, 1, S_TEXT, tool ? "in" : "asked as", r->asked);
	if (r->group[0]) {
		snprintf(text, sizeof(text), "%s: this is a sensitive place", r->group);
		y = fact(t, in, y, 1, S_BAD, "careful", text);
	}
	snprintf(text, sizeof(text), "%.700s (pid %d)%s%.500s", r->program, (int)r->pid,
		 r->parents[0] ? " started by " : "", r->parents);
	y = fact(t, in, y, 2, S_TEXT, "program", text);
	y = fact(t, in, y, 1, S_DIM, "rule", r->rule);
	if (r->reason[0]) {
		snprintf(text, sizeof(text), "“%.500s”", r->reason);
		y = fact(t, in, y, 2, S_WARN, "says", text);
	}
	if (tool) {
		fact(t, in, y, 2, S_DIM, "always",
		     "is for the profile to say (command_policies); session: these very arguments");
		return;
	}
	if (is_never_always(r)) {
		fact(t, in, y, 2, S_DIM, "always",
		     "is for the profile to say (command_policies); session: this very request of "
		     "the tool");
		return;
	}
	if (str_eq(r->kind, "url")) {
		fact(
		    t, in, y, 2, S_DIM, "always",
		    "adds the page's site to open_urls of the profile; shown before it is written");
		return;
	}
	if (str_eq(r->kind, "endpoint") || str_eq(r->kind, "host")) {
		if (r->waiting > 1) {
			snprintf(text, sizeof(text), "%u connections", r->waiting);
			y = fact(t, in, y, 1, S_TEXT, "waiting", text);
		}
		fact(
		    t, in, y, 2, S_DIM, "always",
		    str_eq(r->kind, "host")
			? "adds the host to network.allow_domain of the profile; shown before it "
			  "is written"
			: "adds this method and path to network.approved_endpoints of the profile; "
			  "shown before it is written");
		return;
	}
	fact(t, in, y, 2, S_DIM, "always",
	     r->scope_hint[0]
		 ? r->scope_hint
		 : "adds a rule for this path to the profile; shown before it is written");
}

static void draw_footer(struct tui *t, const struct rect *in, const struct request_entry *e,
			uint64_t now, bool armed)
{
	const struct session_request_info *r = &e->r->info;
	struct request_entry v[REQUESTS_MAX];
	size_t n = requests_queue(t, v), at = 0, counted = 0;
	int y = in->y + in->h - 1;

	while (at < n && v[at].r != e->r)
		at++;
	for (size_t i = 0; i < n; i++)
		counted += v[i].r->counted;
	canvas_textf(
	    &t->canvas, in->x, y - 2, in->w, style(t, S_TEXT),
	    "%zu of %zu · %llu s left, then denied%s", at + 1, n,
	    r->deadline_ns > now ? (unsigned long long)((r->deadline_ns - now) / 1000000000) : 0ull,
	    n > 1 ? " · n next · p previous · A all" : "");
	if (t->options->read_only)
		canvas_text(&t->canvas, in->x, y, in->w, style(t, S_DIM),
			    "read-only client: answer it elsewhere · Esc");
	else if (!armed)
		canvas_text(&t->canvas, in->x, y, in->w, style(t, S_MARK),
			    " not armed: keys still go to the pane ");
	else if (t->requests.confirm_all)
		canvas_textf(&t->canvas, in->x, y, in->w, style(t, S_WARN),
			     "All %zu: o once · s session · d deny · any other key: back", counted);
	else if (t->requests.partial)
		canvas_text(&t->canvas, in->x, y, in->w, style(t, S_WARN),
			    "not all of it is seen · d deny · D deny for the session · Esc later");
	else if (!r->grantable_now)
		canvas_text(&t->canvas, in->x, y, in->w, style(t, S_BOLD),
			    "a always (next start) · d deny · D deny for the session · Esc later");
	else if (is_never_always(r))
		canvas_text(&t->canvas, in->x, y, in->w, style(t, S_BOLD),
			    "o once · s session · d deny · D deny for session · Esc later");
	else
		canvas_text(
		    &t->canvas, in->x, y, in->w, style(t, S_BOLD),
		    "o once · s session · a always · d deny · D deny for session · Esc later");
}

void requests_draw(struct tui *t)
{
	uint64_t now = clock_mono_ns();
	struct request_entry e;
	struct rect r, in;
	bool armed;

	if (t->dialog || !requests_shown(t, &e))
		return;
	armed = t->requests.ready;
	r = box_for(t, e.a, is_tool(&e.r->info));
	in = (struct rect){r.x + 2, r.y + 1, r.w - 4, r.h - 2};
	canvas_clip(&t->canvas, NULL);
	canvas_fill(&t->canvas, &r, style(t, S_TEXT));
	canvas_box(&t->canvas, &r, style(t, S_FRAME));
	canvas_textf(&t->canvas, r.x + 2, r.y, r.w - 4, style(t, S_FRAME), " %s wants: %s ",
		     e.a->name, e.r->info.kind);
	in.h -= 3;
	t->requests.partial = !shows_whole(t, &in, &e.r->info);
	draw_facts(t, &in, &e.r->info);
	in.h += 3;
	draw_footer(t, &in, &e, now, armed);
	if (armed)
		t->canvas.cx = -1;
}

/* ---- keys ----------------------------------------------------------------- */

static void answer_all_key(struct tui *t, uint32_t key)
{
	t->requests.confirm_all = false;
	if (key == 'o')
		requests_answer_all(t, true, "once");
	else if (key == 's')
		requests_answer_all(t, true, "session");
	else if (key == 'd')
		requests_answer_all(t, false, "once");
}

static void answer_key(struct tui *t, const struct request_entry *e, uint32_t key)
{
	bool now = e->r->info.grantable_now;
	const char *id = e->r->info.id;

	if (t->requests.partial && (key == 'o' || key == 's' || key == 'a')) {
		tui_message(t, true, "not all of it is seen: a larger window, or nono approve %s",
			    id);
		return;
	}
	switch (key) {
	case 'o':
		if (now)
			request_answer(e->a, id, true, "once");
		break;
	case 's':
		if (now)
			request_answer(e->a, id, true, "session");
		break;
	case 'a':
		if (!is_never_always(&e->r->info))
			request_always(e->a, id);
		break;
	case 'd':
		request_answer(e->a, id, false, "once");
		break;
	case 'D':
		request_answer(e->a, id, false, "session");
		break;
	case 'A':
		requests_count_all(t);
		break;
	default:
		break;
	}
}

bool requests_key(struct tui *t, const struct input_event *ev)
{
	struct request_entry e;

	if (t->dialog || ev->type != INPUT_KEY || !requests_shown(t, &e))
		return false;
	requests_look(&t->requests, clock_mono_ns(), t->last_key_ns);
	if (!t->requests.ready)
		return false;
	tui_dirty(t);
	if (ev->key == PTY_KEY_ESCAPE) {
		e.r->dismissed = true;
		t->requests.open = false;
		requests_changed(t);
	} else if (ev->mods & (PTY_CTRL | PTY_ALT | PTY_SUPER)) {
		return true;
	} else if (t->requests.confirm_all) {
		answer_all_key(t, ev->key);
	} else if (ev->key == 'n' || ev->key == 'p') {
		requests_step(t, ev->key == 'n' ? 1 : -1);
	} else if (!t->options->read_only) {
		answer_key(t, &e, ev->key);
	}
	return true;
}
