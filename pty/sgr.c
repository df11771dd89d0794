/* SGR: colours and attributes of what is printed next. */
#include "pty/terminal.h"

static uint32_t color_index(const struct terminal *t, int i)
{
	if (t->palette && t->palette[i])
		return t->palette[i];
	return PTY_COLOR_INDEX | (uint32_t)i;
}

static uint32_t rgb(int r, int g, int b)
{
	return PTY_COLOR_RGB | (uint32_t)(r & 0xff) << 16 | (uint32_t)(g & 0xff) << 8 |
	       (uint32_t)(b & 0xff);
}

static bool byte(int v)
{
	return v >= 0 && v <= 255;
}

/* How many sub-parameters (after colons) follow parameter i. */
static int subs(const struct parser_csi *c, int i)
{
	int n = 0;

	while (i + n + 1 < c->n && (c->sub & (1u << (i + n + 1))))
		n++;
	return n;
}

/* The colour that parameter i (38, 48 or 58) begins; *used: parameters it takes beside itself.
 * False if it is not one. */
static bool extended(const struct terminal *t, const struct parser_csi *c, int i, int *used,
		     uint32_t *out)
{
	int n = subs(c, i), v[4], kind, at;

	if (n) {
		*used = n;
		kind = c->param[i + 1];
		at = i + 2;
		if (kind == 2 && n >= 5) /* 38:2:space:r:g:b */
			at++;
	} else {
		kind = csi_arg(c, i + 1, -1);
		at = i + 2;
		*used = kind == 5 ? 2 : kind == 2 ? 4 : 1;
	}
	for (int k = 0; k < 3; k++)
		v[k] = at + k < c->n ? csi_arg(c, at + k, 0) : -1;
	if (kind == 5 && byte(v[0]) && (n == 0 || n >= 2)) {
		*out = color_index(t, v[0]);
		return true;
	}
	if (kind == 2 && byte(v[0]) && byte(v[1]) && byte(v[2]) && (n == 0 || n >= 4)) {
		*out = rgb(v[0], v[1], v[2]);
		return true;
	}
	return false;
}

static void underline(struct pen *pen, int style)
{
	if (style >= 0 && style <= 5)
		pen->attr = (uint16_t)((pen->attr & ~PTY_UL_MASK) | style << PTY_UL_SHIFT);
}

static void attribute(struct pen *pen, int v)
{
	static const uint16_t on[] = {
	    [1] = PTY_BOLD,  [2] = PTY_DIM,	[3] = PTY_ITALIC,  [5] = PTY_BLINK,
	    [6] = PTY_BLINK, [7] = PTY_INVERSE, [8] = PTY_CONCEAL, [9] = PTY_STRIKE};
	static const uint16_t off[] = {
	    [2] = PTY_BOLD | PTY_DIM, [3] = PTY_ITALIC,	 [4] = PTY_UL_MASK, [5] = PTY_BLINK,
	    [7] = PTY_INVERSE,	      [8] = PTY_CONCEAL, [9] = PTY_STRIKE};

	if (v >= 1 && v <= 9)
		pen->attr |= on[v];
	else if (v >= 22 && v <= 29)
		pen->attr &= (uint16_t)~off[v - 20];
	else if (v == 53)
		pen->attr |= PTY_OVERLINE;
	else if (v == 55)
		pen->attr &= (uint16_t)~PTY_OVERLINE;
}

static int one(struct terminal *t, const struct parser_csi *c, int i)
{
	struct pen *pen = &t->c.pen;
	int v = c->param[i] < 0 ? 0 : c->param[i], used = subs(c, i);
	uint32_t color;

	switch (v) {
	case 0:
		vt_pen_reset(t);
		break;
	case 4:
		underline(pen, used ? c->param[i + 1] : 1);
		break;
	case 21:
		underline(pen, 2);
		break;
	case 30 ... 37:
		pen->fg = color_index(t, v - 30);
		break;
	case 40 ... 47:
		pen->bg = color_index(t, v - 40);
		break;
	case 90 ... 97:
		pen->fg = color_index(t, v - 90 + 8);
		break;
	case 100 ... 107:
		pen->bg = color_index(t, v - 100 + 8);
		break;
	case 39:
		pen->fg = PTY_COLOR_DEFAULT;
		break;
	case 49:
		pen->bg = PTY_COLOR_DEFAULT;
		break;
	case 38:
		if (extended(t, c, i, &used, &color))
			pen->fg = color;
		break;
	case 48:
		if (extended(t, c, i, &used, &color))
			pen->bg = color;
		break;
	case 58:
		if (extended(t, c, i, &used, &color)) {
			pen->ul_color = color;
			vt_pen_extra(t);
		}
		break;
	case 59:
		if (pen->ul_color) {
			pen->ul_color = 0;
			vt_pen_extra(t);
		}
		break;
	default:
		attribute(pen, v);
	}
	return used;
}

void vt_sgr(struct terminal *t, const struct parser_csi *c)
{
	for (int i = 0; i < c->n; i++)
		i += one(t, c, i);
}

/* ---- writing ------------------------------------------------------------------- */

static size_t add_color(char *out, size_t size, const char *base, uint32_t c)
{
	int n;

	if ((c & PTY_COLOR_TYPE) == PTY_COLOR_RGB)
		n = snprintf(out, size, ";%s:2::%u:%u:%u", base, c >> 16 & 0xff, c >> 8 & 0xff,
			     c & 0xff);
	else
		n = snprintf(out, size, ";%s:5:%u", base, c & 0xff);
	return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}

size_t sgr_write(char *out, size_t size, const struct pen *pen)
{
	static const uint8_t codes[] = {1, 2, 3, 5, 7, 8, 9, 53}; /* in the order of the bits */
	unsigned ul = (pen->attr & PTY_UL_MASK) >> PTY_UL_SHIFT;
	size_t n = (size_t)snprintf(out, size, "0");

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (pen->attr & (1u << i))
			n += (size_t)snprintf(out + n, size - n, ";%u", codes[i]);
	if (ul == 1)
		n += (size_t)snprintf(out + n, size - n, ";4");
	else if (ul)
		n += (size_t)snprintf(out + n, size - n, ";4:%u", ul);
	if (pen->fg)
		n += add_color(out + n, size - n, "38", pen->fg);
	if (pen->bg)
		n += add_color(out + n, size - n, "48", pen->bg);
	if (pen->ul_color)
		n += add_color(out + n, size - n, "58", pen->ul_color);
	return n;
}
