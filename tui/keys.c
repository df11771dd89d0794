/* Bytes of the outer terminal -> events. */
#include "tui/keys.h"

#include "tui/keys_csi.h"

#define ESC	    '\033'
#define PASTE_END   "\033[201~"
#define PASTE_END_N 6
#define SPLIT_MS    300	 /* rest of a sequence that was cut by the network */
#define STRING_MS   1000 /* rest of an OSC, DCS or APC answer */

void keys_init(struct keys *k, input_fn fn, void *data)
{
	memset(k, 0, sizeof(*k));
	k->fn = fn;
	k->data = data;
}

void keys_free(struct keys *k)
{
	buf_free(&k->paste);
}

static void emit_key(struct keys *k, uint32_t key, unsigned mods)
{
	struct input_event ev = {.type = INPUT_KEY, .key = key, .mods = mods};

	k->fn(k->data, &ev);
}

/* ---- paste ------------------------------------------------------------- */

static void paste_end(struct keys *k)
{
	struct input_event ev = {.type = k->paste_big ? INPUT_PASTE_BIG : INPUT_PASTE,
				 .text = k->paste.data,
				 .n = k->paste_big ? 0 : k->paste.len};

	k->pasting = false;
	if (ev.n || k->paste_big)
		k->fn(k->data, &ev);
	buf_clear(&k->paste);
	if (k->paste.cap > 65536)
		buf_free(&k->paste);
}

static size_t feed_paste(struct keys *k, const char *p, size_t n)
{
	size_t take = n < 65536 ? n : 65536, from, before = k->paste.len;
	const char *end;

	buf_add(&k->paste, p, take);
	from = before > PASTE_END_N ? before - PASTE_END_N : 0;
	end = memmem(k->paste.data + from, k->paste.len - from, PASTE_END, PASTE_END_N);
	if (end) {
		size_t at = (size_t)(end - k->paste.data);

		take = at + PASTE_END_N - before;
		k->paste.len = at;
		k->paste.data[at] = 0;
		if (at > KEYS_PASTE_MAX)
			k->paste_big = true;
		paste_end(k);
		return take;
	}
	if (k->paste.len > KEYS_PASTE_MAX + PASTE_END_N) {
		k->paste_big = true;
		buf_consume(&k->paste, k->paste.len - PASTE_END_N);
	}
	return take;
}

/* ---- plain bytes ------------------------------------------------------- */

static void emit_control(struct keys *k, unsigned char c, unsigned mods)
{
	if (c == '\r')
		emit_key(k, PTY_KEY_ENTER, mods);
	else if (c == '\t')
		emit_key(k, PTY_KEY_TAB, mods);
	else if (c == ESC)
		emit_key(k, PTY_KEY_ESCAPE, mods);
	else if (c == 0x7f)
		emit_key(k, PTY_KEY_BACKSPACE, mods);
	else if (c == 0)
		emit_key(k, ' ', mods | PTY_CTRL);
	else if (c <= 26)
		emit_key(k, 'a' + c - 1u, mods | PTY_CTRL);
	else
		emit_key(k, c + 0x40u, mods | PTY_CTRL); /* \ ] ^ _ */
}

/* Bytes of the UTF-8 sequence that starts with c; 0 = none does. */
static size_t utf8_expected(unsigned char c)
{
	return c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
}

/* One character; returns the bytes used, 0 = more are needed. */
static size_t decode_char(struct keys *k, const char *s, size_t n, unsigned mods)
{
	unsigned char c = (unsigned char)s[0];
	size_t want = utf8_expected(c), got;
	uint32_t cp;

	if (c < 0x20 || c == 0x7f) {
		emit_control(k, c, mods);
		return 1;
	}
	if (want > n) {
		for (size_t i = 1; i < n; i++)
			if ((s[i] & 0xc0) != 0x80)
				return 1; /* damaged: skip the first byte */
		return 0;
	}
	got = want ? utf8_decode(s, want, &cp) : 0;
	if (!got)
		return 1;
	if (cp >= 0x80 && cp < 0xa0)
		return got;
	emit_key(k, cp, mods);
	return got;
}

/* ---- strings: OSC, DCS, APC -------------------------------------------- */

static bool string_start(const char *s)
{
	switch (s[1]) {
	case ']':
		return s[2] >= '0' && s[2] <= '9';
	case 'P':
		return strchr("0123456789>!|", s[2]) && s[2];
	case '_':
		return s[2] == 'G';
	default:
		return false;
	}
}

/* Length of the string with its end, 0 if the end is not there yet. */
static size_t string_length(const char *s, size_t n)
{
	for (size_t i = 2; i < n; i++) {
		if (s[i] == '\a')
			return i + 1;
		if (s[i] == ESC)
			return i + 1 == n ? 0 : s[i + 1] == '\\' ? i + 2 : i;
	}
	return 0;
}

/* "rgb:RRRR/GGGG/BBBB", one to four digits each. */
static bool parse_rgb(const char *s, const char *end, unsigned *out)
{
	unsigned rgb = 0;

	if (end - s < 9 || strncmp(s, "rgb:", 4))
		return false;
	s += 4;
	for (int i = 0; i < 3; i++) {
		unsigned v = 0;
		int digits = 0;

		for (; s < end && digits < 4; s++, digits++) {
			int d = *s >= '0' && *s <= '9'	 ? *s - '0'
				: *s >= 'a' && *s <= 'f' ? *s - 'a' + 10
				: *s >= 'A' && *s <= 'F' ? *s - 'A' + 10
							 : -1;

			if (d < 0)
				break;
			v = v << 4 | (unsigned)d;
		}
		if (!digits)
			return false;
		rgb = rgb << 8 | v * 255 / ((1u << (4 * digits)) - 1);
		if (i < 2 && (s >= end || *s++ != '/'))
			return false;
	}
	*out = rgb;
	return true;
}

static void emit_string(struct keys *k, const char *s, size_t n)
{
	struct input_event ev = {.type = INPUT_REPLY, .reply = REPLY_OTHER};

	if (n > 5 && s[1] == ']' && s[2] == '1' && (s[3] == '0' || s[3] == '1') && s[4] == ';' &&
	    parse_rgb(s + 5, s + n, &ev.params[0]))
		ev.reply = s[3] == '0' ? REPLY_FG : REPLY_BG;
	k->fn(k->data, &ev);
}

/* ---- sequences --------------------------------------------------------- */

static size_t decode(struct keys *k, const char *s, size_t n);

static size_t decode_ss3(struct keys *k, char c, unsigned mods)
{
	uint32_t key = csi_letter_key(c);

	if (c == 'M')
		key = PTY_KEY_ENTER;
	if (!key)
		return 0;
	emit_key(k, key, mods);
	return 3;
}

/* ESC and what follows; mods: ALT when another ESC stood in front. 0 = more is needed. */
static size_t decode_escape(struct keys *k, const char *s, size_t n, unsigned mods)
{
	size_t used;

	if (n < 2)
		return 0;
	if (s[1] == '[' || s[1] == 'O' || s[1] == ']' || s[1] == 'P' || s[1] == '_') {
		if (n < 3)
			return 0;
		if (s[1] == '[')
			return csi_decode(k, s, n, mods);
		if (s[1] == 'O') {
			used = decode_ss3(k, s[2], mods);
			if (used)
				return used;
		} else if (string_start(s)) {
			used = string_length(s, n);
			if (used)
				emit_string(k, s, used);
			return used;
		}
	}
	if (s[1] == ESC) {
		if (n < 3)
			return 0;
		if (s[2] == '[' || s[2] == 'O') {
			used = decode_escape(k, s + 1, n - 1, mods | PTY_ALT);
			return used ? used + 1 : 0;
		}
		emit_key(k, PTY_KEY_ESCAPE, mods);
		return 1;
	}
	used = decode_char(k, s + 1, n - 1, mods | PTY_ALT);
	return used ? used + 1 : 0;
}

/* One event from the front; 0 = more bytes are needed. */
static size_t decode(struct keys *k, const char *s, size_t n)
{
	return s[0] == ESC ? decode_escape(k, s, n, 0) : decode_char(k, s, n, 0);
}

/* ---- feeding ----------------------------------------------------------- */

/* Drops the rest of an overlong string; returns the bytes used. */
static size_t feed_skipping(struct keys *k, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] == '\a' || p[i] == '\\' || p[i] == ESC) {
			k->skipping = p[i] == ESC;
			if (!k->skipping)
				return i + 1;
		}
	return n;
}

static size_t feed_pending(struct keys *k, const char *p)
{
	k->pending[k->n++] = *p;
	while (k->n && !k->pasting) {
		size_t used = decode(k, k->pending, k->n);

		if (!used)
			break;
		k->n -= used;
		memmove(k->pending, k->pending + used, k->n);
	}
	if (k->n == sizeof(k->pending)) {
		k->n = 0;
		k->skipping = true;
	}
	return 1;
}

void keys_feed(struct keys *k, const char *p, size_t n)
{
	while (n) {
		size_t used;

		if (k->pasting) {
			used = feed_paste(k, p, n);
		} else if (k->skipping) {
			used = feed_skipping(k, p, n);
		} else if (k->n) {
			used = feed_pending(k, p);
		} else {
			used = decode(k, p, n);
			if (!used) {
				used = n < sizeof(k->pending) ? n : sizeof(k->pending);
				memcpy(k->pending, p, used);
				k->n = used;
				if (k->n == sizeof(k->pending)) {
					k->n = 0;
					k->skipping = true;
				}
			}
		}
		p += used;
		n -= used;
	}
}

int keys_timeout(const struct keys *k)
{
	if (k->pasting)
		return KEYS_PASTE_MS;
	if (k->skipping)
		return STRING_MS;
	if (!k->n)
		return -1;
	if (k->n <= 2 && k->pending[0] == ESC)
		return KEYS_ESC_MS;
	return k->n > 2 && k->pending[0] == ESC && string_start(k->pending) ? STRING_MS : SPLIT_MS;
}

void keys_flush(struct keys *k)
{
	size_t n = k->n;

	k->skipping = false;
	k->n = 0;
	if (k->pasting)
		paste_end(k);
	if (!n || k->pending[0] != ESC || n > 2)
		return; /* the rest of a sequence never came */
	if (n == 1) {
		emit_key(k, PTY_KEY_ESCAPE, 0);
	} else if (k->pending[1] == ESC) {
		emit_key(k, PTY_KEY_ESCAPE, 0);
		emit_key(k, PTY_KEY_ESCAPE, 0);
	} else {
		decode_char(k, k->pending + 1, 1, PTY_ALT);
	}
}
