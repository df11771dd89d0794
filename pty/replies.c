/*
 * What the terminal says about itself. Nothing that the agent wrote comes back as typed input:
 * titles and clipboard are never reported.
 */
#include "pty/terminal.h"

void vt_device(struct terminal *t, const struct parser_csi *c)
{
	if (csi_arg(c, 0, 0) != 0)
		return;
	if (c->final == 'q') {
		if (c->leader == '>')
			vt_reply(t, "\033P>|nono(%s)\033\\", NONO_VERSION);
	} else if (!c->leader)
		vt_reply(t, "\033[?62;22;52c"); /* VT220, colour, clipboard */
	else if (c->leader == '>')
		vt_reply(t, "\033[>1;10;0c");
	else if (c->leader == '=')
		vt_reply(t, "\033P!|00000000\033\\");
}

static void push_title(struct terminal *t)
{
	if (t->n_titles == TITLE_STACK) {
		free(t->titles[0]);
		memmove(t->titles, t->titles + 1, (TITLE_STACK - 1) * sizeof(*t->titles));
		t->n_titles--;
	}
	char *s = strdup(t->title);
	if (s)
		t->titles[t->n_titles++] = s;
}

static void pop_title(struct terminal *t)
{
	if (!t->n_titles)
		return;
	_cleanup_free_ char *s = t->titles[--t->n_titles];
	vt_set_title(t, s, strlen(s));
}

void vt_window_op(struct terminal *t, const struct parser_csi *c)
{
	int what = csi_arg(c, 1, 0);

	switch (csi_arg(c, 0, 0)) {
	case 14:
		vt_reply(t, "\033[4;%d;%dt", t->rows * CELL_H, t->cols * CELL_W);
		break;
	case 16:
		vt_reply(t, "\033[6;%d;%dt", CELL_H, CELL_W);
		break;
	case 18:
		vt_reply(t, "\033[8;%d;%dt", t->rows, t->cols);
		break;
	case 19:
		vt_reply(t, "\033[9;%d;%dt", t->rows, t->cols);
		break;
	case 22:
		if (what == 0 || what == 2)
			push_title(t);
		break;
	case 23:
		if (what == 0 || what == 2)
			pop_title(t);
		break;
	}
}

/* DECRQSS */
static void report_setting(struct terminal *t, const char *what)
{
	char text[128];
	struct pen pen = t->c.pen;

	if (str_eq(what, "m")) {
		sgr_write(text, sizeof(text), &pen);
		vt_reply(t, "\033P1$r%sm\033\\", text);
	} else if (str_eq(what, "r"))
		vt_reply(t, "\033P1$r%d;%dr\033\\", t->top + 1, t->bottom + 1);
	else if (str_eq(what, " q"))
		vt_reply(t, "\033P1$r%d q\033\\", t->cursor_shape);
	else
		vt_reply(t, "\033P0$r\033\\");
}

/* XTGETTCAP: there is a terminfo entry for that. Every name gets a refusal. */
static void refuse_capabilities(struct terminal *t, const char *names)
{
	size_t n = strspn(names, "0123456789abcdefABCDEF;");

	if (!names[n] && n <= 256)
		vt_reply(t, "\033P0+r%s\033\\", names);
}

void vt_dcs(struct terminal *t, char *s, size_t n)
{
	if (strlen(s) != n)
		return;
	if (str_starts(s, "$q"))
		report_setting(t, s + 2);
	else if (str_starts(s, "+q"))
		refuse_capabilities(t, s + 2);
}
