/* Pasted text, made harmless. */
#include "pty/input.h"

#define BEGIN "\033[200~"
#define END   "\033[201~"

/* Takes an end mark off the end of what was added since from; so that taking one out of the middle
 * of another leaves none either. */
static void cut_end_mark(struct buf *out, size_t from)
{
	size_t n = strlen(END);

	if (out->len - from >= n && memcmp(out->data + out->len - n, END, n) == 0)
		out->len -= n;
}

static bool passes(const char *s, size_t n, bool bracketed)
{
	unsigned char c = (unsigned char)s[0];

	if (c == '\t' || c == '\n' || c == '\r')
		return true;
	if (c < 0x20 || c == 0x7f)
		return bracketed && c != 0x03 && c != 0x04 && c != 0x1a;
	/* C1 controls in UTF-8: CSI among them */
	return !(c == 0xc2 && n > 1 && (unsigned char)s[1] < 0xa0);
}

void encode_paste(struct buf *out, const struct terminal *t, const char *s, size_t n)
{
	bool bracketed = t->modes & MODE_PASTE;
	size_t from;

	if (bracketed)
		buf_adds(out, BEGIN);
	from = out->len;
	buf_reserve(out, n + 8);
	for (size_t i = 0; i < n; i++) {
		if (!passes(s + i, n - i, bracketed)) {
			if ((unsigned char)s[i] == 0xc2)
				i++;
			continue;
		}
		if (s[i] == '\n') { /* what the Enter key sends */
			if (i == 0 || s[i - 1] != '\r')
				buf_addc(out, '\r');
			continue;
		}
		buf_addc(out, s[i]);
		if (s[i] == '~')
			cut_end_mark(out, from);
	}
	if (bracketed)
		buf_adds(out, END);
}
