/* The front end's loop: frames, timers, signals, the registry, the terminal's input. */
#include "tui/app.h"

#include <signal.h>

#define TICK_MS	     500
#define POLL_MS	     100
#define REGISTRY_MS  20		   /* changes come in bursts */
#define REGISTRY_NS  5000000000ull /* looked at without a change, too */
#define FIRST_NS     60000000ull   /* patience of the first frame */
#define INPUT_CHUNK  16384
#define INPUT_CHUNKS 64 /* at one go; then the panes get their turn */

/* ---- frames --------------------------------------------------------------- */

static void lost_terminal(struct tui *t)
{
	t->detached = true; /* the sessions go on */
	tui_quit(t, 0);
}

static void flush(struct tui *t)
{
	if (!t->have_term || t->quit)
		return;
	if (term_write(&t->term, &t->output.out))
		lost_terminal(t);
	else
		watch_set(t->term_watch, t->output.out.len || t->term.replies.len);
}

static void frame(struct tui *t)
{
	bool first = !t->frame_ns;

	bool whole = t->whole;

	t->dirty = t->whole = t->urgent = false;
	t->frame_ns = clock_mono_ns();
	if (whole || first || !t->output.valid || !draw_changes(t))
		draw_frame(t);
	if (t->have_term) {
		/* What was to be sent before goes first; then both with one write. */
		buf_add(&t->output.out, t->term.replies.data, t->term.replies.len);
		buf_clear(&t->term.replies);
		output_frame(&t->output, &t->canvas);
		flush(t);
	}
	if (first && !t->quit) { /* now there is time for all the others */
		agents_refresh(t);
		agents_connect(t);
	}
}

/* The first picture is one with something in it, when that comes soon enough. */
static bool first_waits(struct tui *t, uint64_t now)
{
	const struct pane *p = pane_focused(t);

	if (t->frame_ns || now >= t->first_ns || !p || p->kind != PANE_TERMINAL || p->agent->ended)
		return false;
	return !p->agent->screen || !pty_client_screen(p->agent->screen)->generation;
}

static void on_frame_timer(uv_timer_t *timer)
{
	(void)timer; /* it only ends the waiting: on_prepare() looks at the clock */
}

/* Their next pictures may come. */
static void release_screens(struct tui *t)
{
	t->held = false;
	for (size_t i = 0; i < t->n_agents; i++) {
		struct agent *a = t->agents[i];

		if (a->screen && !a->screen_over) {
			(void)pty_client_on_writable(a->screen); /* reading tells if it is over */
			agent_flush(a);
		}
	}
}

static void draw_what_is_due(struct tui *t)
{
	uint64_t now, due;

	/* A terminal that does not take the last frame gets no other one. */
	if (!t->dirty || t->output.out.len) {
		if (t->have_term && t->term.replies.len && !t->output.out.len)
			flush(t);
		return;
	}
	now = clock_mono_ns();
	due = first_waits(t, now) ? t->first_ns : t->frame_ns + FRAME_NS;
	if (now >= due || (t->urgent && t->frame_ns)) {
		frame(t);
	} else if (!uv_is_active((uv_handle_t *)&t->frame_timer)) {
		uv_update_time(&t->loop);
		uv_timer_start(&t->frame_timer, on_frame_timer, (due - now) / 1000000 + 1, 0);
	}
}

static void on_prepare(uv_prepare_t *h)
{
	struct tui *t = h->data;

	if (t->registry_changed && !uv_is_active((uv_handle_t *)&t->registry_timer)) {
		uv_update_time(&t->loop);
		uv_timer_start(&t->registry_timer, t->registry_timer.timer_cb, REGISTRY_MS, 0);
	}
	if (t->farewell.agent)
		farewell_check(t);
	if (!t->quit)
		draw_what_is_due(t);
	if (t->held)
		release_screens(t);
}

/* ---- timers --------------------------------------------------------------- */

static void on_registry_timer(uv_timer_t *h)
{
	struct tui *t = h->data;

	agents_refresh(t);
	agents_connect(t);
}

/* A client that nono detach has let go: the session goes on, its supervisor still answers. */
static void check_dropped(struct tui *t, uint64_t now)
{
	for (size_t i = 0; i < t->n_agents; i++) {
		struct agent *a = t->agents[i];

		if (!a->screen_over || a->ended || a->dropped || !a->control ||
		    now - a->screen_over_ns < 1000000000ull)
			continue;
		a->dropped = true;
		tui_dirty(t);
		if (str_eq(a->id, t->options->attach))
			act_detach(t, 0);
	}
}

static void on_tick(uv_timer_t *h)
{
	struct tui *t = h->data;
	uint64_t now = clock_mono_ns();

	if (t->message_ns && now - t->message_ns > MESSAGE_NS) {
		t->message_ns = 0;
		tui_dirty(t);
	}
	if (t->numbers && now - t->numbers_ns > MESSAGE_NS) {
		t->numbers = false;
		tui_dirty(t);
	}
	if (t->requests.open || time(NULL) % 60 == 0)
		tui_dirty(t); /* time left; the clock */
	if (now - t->registry_ns > REGISTRY_NS)
		t->registry_changed = true;
	agents_connect(t);
	check_dropped(t, now);
	restart_due(t);
	layout_store(t);
}

static void on_poll_timer(uv_timer_t *h)
{
	bool ready, more = false;
	struct tui *t = h->data;
	struct tab *tab = tab_current(t);
	void *v[LAYOUT_LEAVES];
	size_t n = tab ? layout_panes(&tab->layout, v, LAYOUT_LEAVES) : 0;

	for (size_t i = 0; i < n; i++) {
		struct pane *p = v[i];

		if (p->shown && p->kind == PANE_AUDIT)
			more = audit_poll(p) || more;
		else if (p->shown && p->kind == PANE_VIOLATIONS)
			violations_poll(p);
		else if (p->shown && p->kind == PANE_NETWORK)
			network_poll(p);
		else if (p->shown && p->kind == PANE_REVIEW)
			review_poll(p);
	}
	if (more) /* a whole log is being searched: keys in between, and on */
		uv_timer_start(h, on_poll_timer, 1, uv_timer_get_repeat(h));
	/* Becomes ready by time alone; the person must see when. */
	ready = t->requests.ready;
	requests_look(&t->requests, clock_mono_ns(), t->last_key_ns);
	if (t->requests.ready != ready)
		tui_dirty(t);
}

static void on_end_timer(uv_timer_t *h)
{
	tui_quit(h->data, 0);
}

/* ---- the terminal --------------------------------------------------------- */

static void on_esc_timer(uv_timer_t *h)
{
	struct tui *t = h->data;

	keys_flush(&t->keys);
}

static void read_keys(struct tui *t)
{
	static const int pieces = INPUT_CHUNKS;
	char chunk[INPUT_CHUNK];
	int wait;

	for (int i = 0; i < pieces && !t->quit; i++) {
		ssize_t n = read(t->term.fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			lost_terminal(t);
			return;
		}
		if (n < 0)
			break;
		keys_feed(&t->keys, chunk, (size_t)n);
		if (n < INPUT_CHUNK)
			break;
	}
	uv_timer_stop(&t->esc_timer);
	wait = keys_timeout(&t->keys);
	if (wait >= 0 && !t->quit) {
		uv_update_time(&t->loop);
		uv_timer_start(&t->esc_timer, on_esc_timer, (uint64_t)wait, 0);
	}
}

static void on_terminal(void *data, int events)
{
	struct tui *t = data;

	if (events & UV_WRITABLE)
		flush(t);
	if ((events & UV_READABLE) && !t->quit)
		read_keys(t);
}

static void resize(struct tui *t)
{
	int cols, rows;

	term_size(&t->term, &cols, &rows);
	if (cols == t->canvas.cols && rows == t->canvas.rows)
		return;
	canvas_resize(&t->canvas, cols, rows);
	panes_arrange(t);
}

static void on_signal(uv_signal_t *h, int signum)
{
	struct tui *t = h->data;

	switch (signum) {
	case SIGWINCH:
		if (t->have_term)
			resize(t);
		break;
	case SIGCONT:
		if (t->have_term) {
			term_again(&t->term);
			output_invalidate(&t->output);
			tui_dirty(t);
		}
		break;
	case SIGHUP:
		lost_terminal(t);
		break;
	default:
		t->detached = true;
		tui_quit(t, 128 + signum);
		break;
	}
}

static void on_registry(uv_fs_event_t *h, const char *name, int events, int status)
{
	struct tui *t = h->data;

	(void)name;
	(void)events;
	(void)status;
	t->registry_changed = true;
}

/* ---- start ---------------------------------------------------------------- */

static void start_timer(struct tui *t, uv_timer_t *timer, uv_timer_cb fn, uint64_t first,
			uint64_t repeat)
{
	uv_timer_init(&t->loop, timer);
	timer->data = t;
	uv_timer_start(timer, fn, first, repeat);
}

void loop_start(struct tui *t)
{
	static const int signals[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGCONT};
	_cleanup_free_ char *dir = xasprintf("%s/sessions", t->state_dir);
	struct err err;

	t->first_ns = clock_mono_ns() + FIRST_NS;
	uv_prepare_init(&t->loop, &t->prepare);
	t->prepare.data = t;
	uv_prepare_start(&t->prepare, on_prepare);
	start_timer(t, &t->frame_timer, on_frame_timer, 0, 0);
	start_timer(t, &t->esc_timer, on_esc_timer, 0, 0);
	uv_timer_stop(&t->esc_timer);
	start_timer(t, &t->tick_timer, on_tick, TICK_MS, TICK_MS);
	start_timer(t, &t->poll_timer, on_poll_timer, POLL_MS, POLL_MS);
	start_timer(t, &t->registry_timer, on_registry_timer, FIRST_NS / 1000000, 0);
	if (t->options->headless_cols)
		start_timer(t, &t->end_timer, on_end_timer,
			    (uint64_t)(t->options->headless_seconds > 0
					   ? t->options->headless_seconds
					   : 1) *
				1000,
			    0);
	for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
		uv_signal_init(&t->loop, &t->signals[i]);
		t->signals[i].data = t;
		uv_signal_start(&t->signals[i], on_signal, signals[i]);
	}
	uv_fs_event_init(&t->loop, &t->registry_watch);
	t->registry_watch.data = t;
	t->registry_watched =
	    !dir_private(dir, &err) && !uv_fs_event_start(&t->registry_watch, on_registry, dir, 0);
	if (t->have_term)
		t->term_watch = watch_new(&t->loop, t->term.fd, on_terminal, t);
}
