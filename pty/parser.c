/* Splits a terminal's byte stream into text, controls and sequences. */
#include "pty/parser.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { GROUND = 0, ESCAPE, ESCAPE_INTER, CSI, STRING, STRING_ESC };

#define BEL 0x07
#define CAN 0x18
#define SUB 0x1a
#define ESC 0x1b
#define DEL 0x7f

#define KEEP_STRING 4096 /* a larger buffer is given back after use */

void parser_init(struct parser *p, const struct parser_events *ev, void *data)
{
	*p = (struct parser){.ev = ev, .data = data};
}

void parser_free(struct parser *p)
{
	buf_free(&p->text);
}

/* ---- text ---------------------------------------------------------------- */

static size_t ascii_run(const uint8_t *s, const uint8_t *end)
{
	const uint8_t *at = s;

#ifdef __SSE2__
	const __m128i low = _mm_set1_epi8(0x1f), del = _mm_set1_epi8(DEL);

	while (end - at >= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)at);
		/* signed: bytes with the high bit fail the first test */
		unsigned good = (unsigned)_mm_movemask_epi8(
		    _mm_andnot_si128(_mm_cmpeq_epi8(v, del), _mm_cmpgt_epi8(v, low)));

		if (good != 0xffff)
			return (size_t)(at - s) + (size_t)__builtin_ctz(~good);
		at += 16;
	}
#endif
	while (at < end && *at >= 0x20 && *at < DEL)
		at++;
	return (size_t)(at - s);
}

static void emit_rune(struct parser *p, uint32_t cp)
{
	if (cp >= 0xa0) /* C1 controls in UTF-8 do nothing */
		p->ev->rune(p->data, cp);
}

/* How many bytes a sequence that starts with c has, 0 if none does. */
static size_t utf8_need(uint8_t c)
{
	return c >= 0xc2 && c < 0xe0   ? 2
	       : c >= 0xe0 && c < 0xf0 ? 3
	       : c >= 0xf0 && c < 0xf5 ? 4
				       : 0;
}

/* May c be the byte at index i (>= 1) of the sequence that starts with s[0]? */
static bool utf8_fits(uint8_t first, size_t i, uint8_t c)
{
	if ((c & 0xc0) != 0x80)
		return false;
	if (i > 1)
		return true;
	return first == 0xe0   ? c >= 0xa0
	       : first == 0xed ? c < 0xa0
	       : first == 0xf0 ? c >= 0x90
	       : first == 0xf4 ? c < 0x90
			       : true;
}

static uint32_t utf8_value(const uint8_t *s, size_t n)
{
	uint32_t cp = n == 2 ? s[0] & 0x1fu : n == 3 ? s[0] & 0x0fu : s[0] & 0x07u;

	for (size_t i = 1; i < n; i++)
		cp = (cp << 6) | (s[i] & 0x3fu);
	return cp;
}

/* The rest of a sequence whose beginning came in an earlier chunk. */
static const uint8_t *carried(struct parser *p, const uint8_t *s, const uint8_t *end)
{
	size_t need = utf8_need(p->carry[0]);

	while (s < end && p->carry_len < need) {
		if (!utf8_fits(p->carry[0], p->carry_len, *s)) {
			p->carry_len = 0;
			emit_rune(p, 0xfffd);
			return s;
		}
		p->carry[p->carry_len++] = *s++;
	}
	if (p->carry_len == need) {
		p->carry_len = 0;
		emit_rune(p, utf8_value(p->carry, need));
	}
	return s;
}

static const uint8_t *multibyte(struct parser *p, const uint8_t *s, const uint8_t *end)
{
	size_t need = utf8_need(*s), have = 1, there = (size_t)(end - s);

	if (!need) {
		emit_rune(p, 0xfffd);
		return s + 1;
	}
	while (have < need && have < there && utf8_fits(s[0], have, s[have]))
		have++;
	if (have == need)
		emit_rune(p, utf8_value(s, need));
	else if (have == there) {
		memcpy(p->carry, s, have);
		p->carry_len = (uint8_t)have;
	} else
		emit_rune(p, 0xfffd);
	return s + have;
}

static const uint8_t *ground(struct parser *p, const uint8_t *s, const uint8_t *end)
{
	if (p->carry_len)
		s = carried(p, s, end);
	while (s < end) {
		size_t n = ascii_run(s, end);

		if (n) {
			p->ev->ascii(p->data, s, n);
			s += n;
			if (s == end)
				break;
		}
		if (*s >= 0x80)
			s = multibyte(p, s, end);
		else if (*s == ESC) {
			p->state = ESCAPE;
			p->csi.inter = 0;
			p->bad = false;
			return s + 1;
		} else {
			if (*s != DEL && *s != CAN && *s != SUB)
				p->ev->control(p->data, *s);
			s++;
		}
	}
	return s;
}

/* ---- sequences ------------------------------------------------------------- */

/* What is the same inside every sequence. True if c is dealt with. */
static bool anywhere(struct parser *p, uint8_t c)
{
	if (c == ESC) {
		p->state = ESCAPE;
		p->csi.inter = 0;
		p->bad = false;
	} else if (c == CAN || c == SUB)
		p->state = GROUND;
	else if (c < 0x20)
		p->ev->control(p->data, c);
	else if (c < DEL)
		return false;
	else if (c != DEL)
		p->bad = true;
	return true;
}

static void start_string(struct parser *p, enum parser_string kind)
{
	p->kind = kind;
	p->overflow = false;
	buf_clear(&p->text);
	p->state = STRING;
}

static void escape(struct parser *p, uint8_t c)
{
	if (anywhere(p, c))
		return;
	if (c < 0x30) {
		p->bad |= p->state == ESCAPE_INTER;
		p->csi.inter = c;
		p->state = ESCAPE_INTER;
		return;
	}
	if (p->state == ESCAPE && !p->bad) {
		switch (c) {
		case '[':
			p->csi = (struct parser_csi){.n = 1, .param = {-1}};
			p->state = CSI;
			return;
		case ']':
			start_string(p, PARSER_OSC);
			return;
		case 'P':
			start_string(p, PARSER_DCS);
			return;
		case '_':
		case '^':
		case 'X':
			start_string(p, PARSER_OTHER);
			return;
		}
	}
	p->state = GROUND;
	if (!p->bad)
		p->ev->escape(p->data, p->csi.inter, c);
}

static void csi_separator(struct parser *p, uint8_t c)
{
	struct parser_csi *q = &p->csi;

	if (q->n < PARSER_PARAMS) {
		if (c == ':')
			q->sub |= 1u << q->n;
		q->param[q->n] = -1;
	}
	if (q->n <= PARSER_PARAMS) /* one more than fits: digits that follow are dropped */
		q->n++;
}

static const uint8_t *csi(struct parser *p, const uint8_t *s, const uint8_t *end)
{
	struct parser_csi *q = &p->csi;

	while (s < end) {
		uint8_t c = *s++;

		if (c >= '0' && c <= '9') {
			int *v;

			if (q->inter)
				p->bad = true;
			if (q->n > PARSER_PARAMS)
				continue;
			v = &q->param[q->n - 1];
			*v = (*v < 0 ? 0 : *v) * 10 + (c - '0');
			if (*v > PARSER_VALUE)
				*v = PARSER_VALUE;
		} else if (c == ';' || c == ':')
			csi_separator(p, c);
		else if (c >= 0x40 && c < DEL) {
			p->state = GROUND;
			q->final = c;
			if (q->n > PARSER_PARAMS)
				q->n = PARSER_PARAMS;
			if (!p->bad)
				p->ev->csi(p->data, q);
			return s;
		} else if (c >= 0x3c && c < 0x40) {
			if (q->leader || q->n > 1 || q->param[0] >= 0 || q->inter)
				p->bad = true;
			q->leader = c;
		} else if (c >= 0x20 && c < 0x30) {
			if (q->inter)
				p->bad = true;
			q->inter = c;
		} else {
			anywhere(p, c);
			if (p->state != CSI)
				return s;
		}
	}
	return s;
}

/* ---- strings ------------------------------------------------------------------ */

static void string_add(struct parser *p, const uint8_t *s, size_t n)
{
	size_t max = p->kind == PARSER_OSC ? PARSER_OSC_MAX : PARSER_DCS_MAX;

	if (p->kind == PARSER_OTHER || p->overflow)
		return;
	if (p->text.len + n > max)
		p->overflow = true;
	else
		buf_add(&p->text, s, n);
}

static void string_end(struct parser *p, bool whole, bool bel)
{
	p->state = GROUND;
	if (whole && !p->overflow && p->kind != PARSER_OTHER) {
		if (!p->text.data)
			buf_reserve(&p->text, 1);
		p->text.data[p->text.len] = '\0';
		p->ev->string(p->data, p->kind, p->text.data, p->text.len, bel);
	}
	if (p->text.cap > KEEP_STRING)
		buf_free(&p->text);
	buf_clear(&p->text);
}

static const uint8_t *string(struct parser *p, const uint8_t *s, const uint8_t *end)
{
	const uint8_t *at = s;

	while (at < end && (*at >= 0x20 || (*at != ESC && *at != CAN && *at != SUB &&
					    !(*at == BEL && p->kind == PARSER_OSC))))
		at++;
	if (at > s)
		string_add(p, s, (size_t)(at - s));
	if (at == end)
		return at;
	if (*at == ESC)
		p->state = STRING_ESC;
	else
		string_end(p, *at == BEL, true);
	return at + 1;
}

void parser_feed(struct parser *p, const uint8_t *s, size_t n)
{
	const uint8_t *end = s + n;

	while (s < end) {
		switch (p->state) {
		case GROUND:
			s = ground(p, s, end);
			break;
		case CSI:
			s = csi(p, s, end);
			break;
		case STRING:
			s = string(p, s, end);
			break;
		case STRING_ESC:
			if (*s == '\\') {
				string_end(p, true, false);
				s++;
				break;
			}
			string_end(p, false, false); /* cut off by another sequence */
			p->state = ESCAPE;
			p->csi.inter = 0;
			p->bad = false;
			break;
		default:
			escape(p, *s++);
		}
	}
}
