/* A list to choose from, narrowed by typing. */
#include "tui/app.h"
#include "tui/width.h"

struct list {
	struct dialog d;
	char *title, *ctx;
	struct dialog_item *items;
	size_t n, selected, first; /* selected: among those that match */
	struct line_edit filter;
	dialog_fn fn;
};

static bool matches(const struct list *l, size_t i)
{
	return !l->filter.n || strcasestr(l->items[i].label, l->filter.text);
}

static size_t matching(const struct list *l, size_t nth, size_t *index)
{
	size_t count = 0;

	for (size_t i = 0; i < l->n; i++)
		if (matches(l, i)) {
			if (count == nth && index)
				*index = i;
			count++;
		}
	return count;
}

static void list_draw(struct dialog *d, struct canvas *c)
{
	struct list *l = (struct list *)d;
	size_t count = matching(l, 0, NULL), seen = 0;
	int w = 40;
	struct rect r;

	for (size_t i = 0; i < l->n; i++)
		if ((int)width_text(l->items[i].label) + 6 > w)
			w = (int)width_text(l->items[i].label) + 6;
	r = dialog_frame(d->tui, c, w, (int)l->n + 4, l->title,
			 l->fn ? "type to filter · ↑↓ · Enter chooses · Esc"
			       : "type to filter · ↑↓ · Esc");
	canvas_text(c, r.x, r.y, 2, style(d->tui, S_INFO), "/");
	line_draw(&l->filter, c, r.x + 2, r.y, r.w - 2, style(d->tui, S_TEXT), true);
	r.y++;
	r.h--;
	if (l->selected >= count)
		l->selected = count ? count - 1 : 0;
	if (l->selected < l->first)
		l->first = l->selected;
	if (r.h > 0 && l->selected >= l->first + (size_t)r.h)
		l->first = l->selected - (size_t)r.h + 1;
	for (size_t i = 0; i < l->n; i++) {
		const struct style *s;
		int y;

		if (!matches(l, i))
			continue;
		y = (int)(seen - l->first);
		s = style(d->tui, l->fn && seen == l->selected ? S_SELECTED : S_TEXT);
		if (seen >= l->first && y < r.h)
			canvas_text(c, r.x, r.y + y, r.w, s, l->items[i].label);
		seen++;
	}
}

static void list_key(struct dialog *d, const struct input_event *ev)
{
	struct list *l = (struct list *)d;
	struct tui *t = d->tui;
	size_t index = 0;

	switch (ev->key) {
	case PTY_KEY_ESCAPE:
		dialog_close(t);
		return;
	case PTY_KEY_UP:
		l->selected -= l->selected > 0;
		return;
	case PTY_KEY_DOWN:
		l->selected++;
		return;
	case PTY_KEY_PGUP:
		l->selected -= l->selected > 10 ? 10 : l->selected;
		return;
	case PTY_KEY_PGDN:
		l->selected += 10;
		return;
	case PTY_KEY_ENTER:
		if (l->fn && matching(l, l->selected, &index) > l->selected) {
			char *ctx = STEAL_PTR(l->ctx), *value = STEAL_PTR(l->items[index].value);
			dialog_fn fn = l->fn;

			dialog_close(t);
			fn(t, ctx, value);
			free(ctx);
			free(value);
		} else {
			dialog_close(t);
		}
		return;
	default:
		if (line_key(&l->filter, ev))
			l->selected = l->first = 0;
		return;
	}
}

static void list_free(struct dialog *d)
{
	struct list *l = (struct list *)d;

	for (size_t i = 0; i < l->n; i++) {
		free(l->items[i].label);
		free(l->items[i].value);
	}
	free(l->items);
	free(l->title);
	free(l->ctx);
}

void dialog_list(struct tui *t, const char *title, struct dialog_item *items, size_t n,
		 dialog_fn fn, const char *ctx)
{
	static const struct dialog_ops ops = {list_draw, list_key, NULL, list_free};
	struct list *l = xcalloc(1, sizeof(*l));

	l->d.ops = &ops;
	l->title = xstrdup(title);
	l->ctx = ctx ? xstrdup(ctx) : NULL;
	l->items = items;
	l->n = n;
	l->fn = fn;
	dialog_open(t, &l->d);
}
