/* What changed since a client's last picture: the host's side. */
#include "pty/delta.h"

#define FRAME_SOFT_MAX (PTY_FRAME_MAX - (512u << 10)) /* room for one row, tables and state */
#define CELL_BYTES_MAX 24
#define PEN_ATTR       ((uint16_t) ~(PTY_WIDE | PTY_WIDE_TAIL))

bool delta_needed(const struct terminal *t, const struct delta_base *base, bool ended)
{
	return t->changed > base->gen || ended != base->ended;
}

static uint8_t *token(uint8_t *p, unsigned type, size_t count)
{
	if (count < TOKEN_LONG) {
		*p++ = (uint8_t)(type | count << 3);
		return p;
	}
	*p++ = (uint8_t)(type | TOKEN_LONG << 3);
	return varint_write(p, count - TOKEN_LONG);
}

static inline bool same_pen(const struct pty_cell *a, const struct pty_cell *b)
{
	return a->fg == b->fg && a->bg == b->bg && ((a->attr ^ b->attr) & PEN_ATTR) == 0 &&
	       a->extra == b->extra;
}

static uint8_t *pen(uint8_t *p, struct pty_cell *now, const struct pty_cell *c)
{
	uint8_t *mask = p++;
	unsigned m = 0;

	if (c->fg != now->fg) {
		m |= 1;
		p = color_write(p, c->fg);
	}
	if (c->bg != now->bg) {
		m |= 2;
		p = color_write(p, c->bg);
	}
	if ((c->attr ^ now->attr) & PEN_ATTR) {
		m |= 4;
		*p++ = (uint8_t)(c->attr & PEN_ATTR);
		*p++ = (uint8_t)((c->attr & PEN_ATTR) >> 8);
	}
	if (c->extra != now->extra) {
		m |= 8;
		p = varint_write(p, c->extra);
	}
	*mask = (uint8_t)(TOKEN_PEN | m << 3);
	*now = *c;
	return p;
}

enum kind { KIND_ASCII, KIND_BLANK, KIND_GLYPH, KIND_WIDE, KIND_CLUSTER };

static inline enum kind kind_of(const struct pty_cell *c)
{
	if (c->attr & PTY_WIDE)
		return c->glyph & PTY_GLYPH_CLUSTER ? KIND_CLUSTER : KIND_WIDE;
	if (c->glyph == 0)
		return KIND_BLANK;
	if (c->glyph < 0x7f)
		return KIND_ASCII;
	return c->glyph & PTY_GLYPH_CLUSTER ? KIND_CLUSTER : KIND_GLYPH;
}

static uint8_t *row_tokens(uint8_t *p, const struct row *r, struct pty_cell *now)
{
	size_t x = 0, len = r->len;

	while (x < len) {
		const struct pty_cell *c = &r->cells[x];
		enum kind k = kind_of(c);
		size_t step = c->attr & PTY_WIDE ? 2 : 1, n = 1, same = 1;

		if (!same_pen(c, now))
			p = pen(p, now, c);
		if (k == KIND_CLUSTER) {
			p = token(p, TOKEN_CLUSTER, step);
			p = varint_write(p, c->glyph & ~PTY_GLYPH_CLUSTER);
			x += step;
			continue;
		}
		while (step == 1 && x + same < len && c[same].glyph == c->glyph &&
		       !(c[same].attr & PTY_WIDE) && same_pen(c, &c[same]))
			same++;
		if (k == KIND_BLANK) {
			p = token(p, TOKEN_BLANK, same);
			x += same;
			continue;
		}
		if (same > 3) {
			p = token(p, TOKEN_REPEAT, same);
			p = varint_write(p, c->glyph);
			x += same;
			continue;
		}
		while (x + (n + 1) * step <= len && kind_of(&c[n * step]) == k &&
		       same_pen(c, &c[n * step]))
			n++;
		p = token(p,
			  k == KIND_ASCII  ? TOKEN_ASCII
			  : k == KIND_WIDE ? TOKEN_WIDE
					   : TOKEN_GLYPH,
			  n);
		if (k == KIND_ASCII)
			for (size_t i = 0; i < n; i++)
				*p++ = (uint8_t)c[i].glyph;
		else
			for (size_t i = 0; i < n; i++)
				p = varint_write(p, c[i * step].glyph);
		x += n * step;
	}
	return token(p, TOKEN_END, 0);
}

/* Changed rows; false if the frame is full before the last. */
static void rows(struct buf *out, struct terminal *t, const struct delta_base *base, bool all)
{
	struct pty_cell now = {0};
	size_t begin = out->len;
	uint8_t *p;

	for (int y = 0; y < t->rows; y++) {
		struct row *r = t->grid->rows[y];

		if (!all && r->gen <= base->gen)
			continue;
		if (all && !r->len)
			continue;
		if (out->len - begin > FRAME_SOFT_MAX) {
			r->gen = t->changed = t->gen + 1; /* with the next frame */
			continue;
		}
		put_varint(out, (unsigned)y + 1);
		buf_reserve(out, (size_t)r->len * CELL_BYTES_MAX + 16);
		p = row_tokens((uint8_t *)out->data + out->len, r, &now);
		out->len = (size_t)(p - (uint8_t *)out->data);
	}
	put_varint(out, 0);
}

static void table(struct buf *out, const struct intern *t, uint64_t since)
{
	if (t->used && t->last_gen > since) {
		for (uint32_t i = 1; i < t->high; i++) {
			const struct intern_entry *e = &t->entries[i];

			if (!e->text || e->gen <= since)
				continue;
			put_varint(out, i);
			put_varint(out, e->len);
			buf_add(out, e->text, e->len);
		}
	}
	put_varint(out, 0);
}

static void state(struct buf *out, const struct terminal *t)
{
	static const struct {
		uint32_t mode, bit;
	} modes[] = {
	    {MODE_CURSOR, STATE_CURSOR},	 {MODE_PASTE, STATE_PASTE},
	    {MODE_FOCUS, STATE_FOCUS},		 {MODE_APP_CURSOR, STATE_APP_CURSOR},
	    {MODE_APP_KEYPAD, STATE_APP_KEYPAD}, {MODE_REVERSE, STATE_REVERSE},
	};
	uint32_t bits = terminal_alt(t) ? STATE_ALT : 0;

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (t->modes & modes[i].mode)
			bits |= modes[i].bit;
	put_u8(out, bits);
	put_u8(out, (unsigned)t->cursor_shape);
	put_u8(out, t->modes & MODE_MOUSE_ANY	  ? PTY_MOUSE_ANY
		    : t->modes & MODE_MOUSE_DRAG  ? PTY_MOUSE_DRAG
		    : t->modes & MODE_MOUSE_CLICK ? PTY_MOUSE_CLICK
						  : PTY_MOUSE_NONE);
	put_u8(out, terminal_kitty(t));
	put_u8(out, t->status.state);
	put_string(out, t->title);
	put_string(out, t->status.app);
	put_string(out, t->status.kind);
	put_string(out, t->status.msg);
}

void delta_encode(struct buf *out, struct terminal *t, struct delta_base *base, bool ended)
{
	bool size = t->size_gen > base->gen, with_state = size || t->state_gen > base->gen;
	uint64_t moved = size ? 0 : t->scrolled - base->scrolled;
	size_t at = frame_begin(out, FRAME_DELTA);

	put_u64(out, t->gen);
	put_u8(out, (size ? DELTA_SIZE : 0) | (with_state ? DELTA_STATE : 0) |
			(ended ? DELTA_ENDED : 0));
	if (size) {
		put_u16(out, (unsigned)t->cols);
		put_u16(out, (unsigned)t->rows);
	}
	table(out, &t->clusters, size ? 0 : base->gen);
	table(out, &t->extras, size ? 0 : base->gen);
	put_varint(out, moved < (uint64_t)t->rows ? moved : (uint64_t)t->rows);
	rows(out, t, base, size);
	put_varint(out, (unsigned)t->c.x);
	put_varint(out, (unsigned)t->c.y);
	put_varint(out, t->history.count);
	put_varint(out, t->history.first);
	if (with_state)
		state(out, t);
	frame_end(out, at);
	*base = (struct delta_base){.gen = t->gen, .scrolled = t->scrolled, .ended = ended};
	terminal_next_gen(t);
}
