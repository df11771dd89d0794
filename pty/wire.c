/* Bytes of a frame, read and written with bounds. */
#include "pty/wire.h"

size_t frame_begin(struct buf *b, enum frame_type type)
{
	size_t at = b->len;

	put_u32(b, 0);
	put_u8(b, type);
	return at;
}

void frame_end(struct buf *b, size_t at)
{
	uint32_t n = (uint32_t)(b->len - at - 4);

	for (int i = 0; i < 4; i++)
		b->data[at + (size_t)i] = (char)(n >> (8 * i));
}

const uint8_t *get_bytes(struct reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->bad || n > reader_left(r)) {
		r->bad = true;
		r->p = r->end;
		return NULL;
	}
	r->p += n;
	return p;
}

static uint64_t get_fixed(struct reader *r, size_t n)
{
	const uint8_t *p = get_bytes(r, n);
	uint64_t v = 0;

	for (size_t i = 0; p && i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

uint16_t get_u16(struct reader *r)
{
	return (uint16_t)get_fixed(r, 2);
}

uint32_t get_u32(struct reader *r)
{
	return (uint32_t)get_fixed(r, 4);
}

uint64_t get_u64(struct reader *r)
{
	return get_fixed(r, 8);
}

uint64_t get_varint_long(struct reader *r)
{
	uint64_t v = 0;

	for (int shift = 0; shift < 64; shift += 7) {
		uint8_t c = get_u8(r);

		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return v;
	}
	r->bad = true;
	return 0;
}

bool text_is_printable(const char *s, size_t n)
{
	while (n) {
		uint32_t cp;
		size_t k = utf8_decode(s, n, &cp);

		if (!k || !cp || !glyph_valid(cp))
			return false;
		s += k;
		n -= k;
	}
	return true;
}

void get_string(struct reader *r, char *out, size_t size)
{
	uint64_t n = get_varint(r);
	const uint8_t *p;

	if (n >= size)
		r->bad = true;
	p = r->bad ? NULL : get_bytes(r, (size_t)n);
	out[0] = '\0';
	if (!p)
		return;
	if (!text_is_printable((const char *)p, (size_t)n)) {
		r->bad = true;
		return;
	}
	memcpy(out, p, (size_t)n);
	out[n] = '\0';
}

uint8_t *color_write(uint8_t *p, uint32_t c)
{
	uint32_t kind = c & PTY_COLOR_TYPE;

	*p++ = (uint8_t)(kind == PTY_COLOR_INDEX ? 1 : kind == PTY_COLOR_RGB ? 2 : 0);
	if (kind == PTY_COLOR_RGB) {
		*p++ = (uint8_t)(c >> 16);
		*p++ = (uint8_t)(c >> 8);
	}
	if (kind)
		*p++ = (uint8_t)c;
	return p;
}

uint32_t color_read(struct reader *r)
{
	uint32_t v;

	switch (get_u8(r)) {
	case 0:
		return PTY_COLOR_DEFAULT;
	case 1:
		return PTY_COLOR_INDEX | get_u8(r);
	case 2:
		v = (uint32_t)get_u8(r) << 16;
		v |= (uint32_t)get_u8(r) << 8;
		return PTY_COLOR_RGB | v | get_u8(r);
	default:
		r->bad = true;
		return PTY_COLOR_DEFAULT;
	}
}
