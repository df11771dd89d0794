/* The front end: start, end, and what everything in it may say. */
#include "tui/app.h"

#include <signal.h>

void tui_dirty(struct tui *t)
{
	t->dirty = t->whole = true;
}

void tui_screen_dirty(struct tui *t)
{
	t->dirty = true;
}

void tui_quit(struct tui *t, int code)
{
	if (!t->quit)
		t->exit_code = code;
	t->quit = true;
	uv_stop(&t->loop);
}

void tui_message(struct tui *t, bool bad, const char *fmt, ...)
{
	char text[sizeof(t->message)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_printable(t->message, sizeof(t->message), text, strlen(text));
	t->message_bad = bad;
	t->message_ns = clock_mono_ns();
	tui_dirty(t);
}

void tui_agent_ended(struct tui *t, struct agent *a)
{
	if (t->options->own && str_eq(a->id, t->options->attach))
		farewell_begin(t, a);
	tui_dirty(t);
}

/* ---- start ---------------------------------------------------------------- */

static int start_screen(struct tui *t, struct err *err)
{
	const struct tui_options *o = t->options;
	int cols = o->headless_cols, rows = o->headless_rows;

	strings_init(&t->strings);
	canvas_init(&t->canvas, &t->strings);
	output_init(&t->output, &t->strings);
	keys_init(&t->keys, input_event, t);
	t->term.fd = -1;
	if (!cols && term_open(&t->term, err))
		return -1;
	t->have_term = !cols;
	if (t->have_term) {
		t->output.caps = t->term.caps.out;
		term_size(&t->term, &cols, &rows);
	}
	canvas_resize(&t->canvas, cols < PTY_COLS_MAX ? cols : PTY_COLS_MAX,
		      rows < 2		    ? 2
		      : rows < PTY_ROWS_MAX ? rows
					    : PTY_ROWS_MAX);
	theme_init(&t->theme, t->config.theme,
		   t->output.caps.colors != COLORS_NONE && !getenv("NO_COLOR"),
		   &(struct theme_terminal){.depth = t->output.caps.colors});
	return 0;
}

static int settings(struct tui *t, struct err *err)
{
	const char *prefix = t->options->prefix;

	if (config_load(&t->config, err))
		return -1;
	if (theme_known(getenv("NONO_THEME")))
		str_copy(t->config.theme, sizeof(t->config.theme), getenv("NONO_THEME"));
	prefix = prefix ? prefix : t->config.prefix;
	if (key_parse(prefix, &t->prefix_key, &t->prefix_mods))
		return err_usage(err, "'%.40s' is not the name of a key, like C-b", prefix);
	t->mouse_on = t->config.mouse;
	return 0;
}

/* ---- end ------------------------------------------------------------------ */

static void close_handle(uv_handle_t *h, void *data)
{
	(void)data;
	if (!uv_is_closing(h) && h->type != UV_POLL) /* watches close themselves */
		uv_close(h, NULL);
}

static void say_goodbye(struct tui *t)
{
	const struct pane *p = pane_focused(t);

	if (!t->detached || !t->have_term)
		return;
	if (p && p->agent && !p->agent->ended)
		snprintf(t->goodbye, sizeof(t->goodbye), "[detached (from session %s)]\n",
			 p->agent->name);
	else
		str_copy(t->goodbye, sizeof(t->goodbye), "[detached]\n");
}

static void end(struct tui *t)
{
	_cleanup_(buf_free) struct buf text = {0};

	t->quit = true;
	layout_store(t);
	say_goodbye(t);
	watch_free(t->term_watch);
	if (t->have_term)
		term_close(&t->term);
	if (t->options->headless_cols) {
		draw_frame(t);
		canvas_print(&t->canvas, &text);
	}
	buf_add(&text, t->last_screen.data, t->last_screen.len);
	buf_adds(&text, t->goodbye);
	if (text.len)
		(void)write_full(STDOUT_FILENO, text.data, text.len);
}

static void free_all(struct tui *t)
{
	if (t->dialog) {
		t->dialog->ops->free(t->dialog);
		free(t->dialog);
		t->dialog = NULL;
	}
	for (size_t i = 0; i < t->n_tabs; i++) {
		void *v[LAYOUT_LEAVES];
		size_t n = layout_panes(&t->tabs[i].layout, v, LAYOUT_LEAVES);

		for (size_t k = 0; k < n; k++)
			pane_free(v[k]);
		layout_free(&t->tabs[i].layout);
	}
	t->n_tabs = 0;
	snapshot_leave(t);
	/* Connections that are just being made refer to their agents: first they are done. */
	uv_walk(&t->loop, close_handle, NULL);
	for (size_t i = 0; i < t->n_agents; i++) {
		agent_screen_close(t->agents[i]);
		agent_control_closed(t->agents[i]);
	}
	uv_run(&t->loop, UV_RUN_DEFAULT);
	uv_loop_close(&t->loop);
	agents_free(t);
	keys_free(&t->keys);
	output_free(&t->output);
	canvas_free(&t->canvas);
	strings_free(&t->strings);
	buf_free(&t->last_screen);
	buf_free(&t->clip.text);
	buf_free(&t->copy.text);
	buf_free(&t->term.replies);
	free(t->restart.profile);
	free(t->restart.dir);
	free(t->restart.command);
	free(t->state_dir);
}

int tui_ready(struct err *err)
{
	return term_usable(err);
}

bool tui_theme_known(const char *name)
{
	return theme_known(name);
}

int tui_main(const struct tui_options *o)
{
	struct tui *t = xcalloc(1, sizeof(*t));
	struct err err = {0};
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	int code = 1;

	t->options = o;
	t->state_dir = dir_state();
	sigaction(SIGPIPE, &ignore, &before);
	t->starter.fd = -1;
	if (!o->read_only && starter_begin(&t->starter, &err)) {
		fprintf(stderr, "nono: %s\n", err.msg);
		free(t->state_dir);
		free(t);
		return 1;
	}
	uv_loop_init(&t->loop);
	if (settings(t, &err) || start_screen(t, &err))
		goto out;
	loop_start(t);
	if (open_first_panes(t, &err)) {
		end(t);
		goto out;
	}
	tui_dirty(t);
	if (!t->quit)
		uv_run(&t->loop, UV_RUN_DEFAULT);
	end(t);
	code = t->exit_code;
out:
	if (err.msg[0])
		fprintf(stderr, "nono: %s\n", err.msg);
	free_all(t);
	starter_end(&t->starter);
	sigaction(SIGPIPE, &before, NULL);
	free(t);
	return code;
}
