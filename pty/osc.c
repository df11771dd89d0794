/* Operating system commands. What is not known is ignored. */
#include "pty/osc.h"
#include "pty/terminal.h"

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

ssize_t base64_decode_in_place(char *s, size_t n)
{
	uint32_t acc = 0;
	int bits = 0;
	size_t out = 0;

	while (n && s[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++) {
		int v = base64_value(s[i]);

		if (v < 0)
			return -1;
		acc = acc << 6 | (uint32_t)v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			s[out++] = (char)(acc >> bits);
		}
	}
	if (out < n)
		s[out] = '\0';
	return (ssize_t)out;
}

/* ---- links, clipboard ------------------------------------------------------ */

/* 8;params;URI */
static void hyperlink(struct terminal *t, char *arg, size_t n)
{
	char *uri = memchr(arg, ';', n);
	size_t len;

	if (!uri)
		return;
	uri++;
	len = n - (size_t)(uri - arg);
	for (size_t i = 0; i < len; i++)
		if (uri[i] < 0x21 || uri[i] > 0x7e)
			return;
	vt_set_link(t, uri, len);
}

/* 52;selection;base64. Reading ("?") is refused by silence. */
static void clipboard(struct terminal *t, char *arg, size_t n)
{
	char *text = memchr(arg, ';', n);
	ssize_t len;

	if (!text)
		return;
	text++;
	len = base64_decode_in_place(text, n - (size_t)(text - arg));
	if (len > 0)
		t->ev.clipboard(t->ev.data, text, (size_t)len);
}

/* ---- notifications ----------------------------------------------------------- */

static void notify(struct terminal *t, const char *title, size_t title_n, const char *body,
		   size_t body_n)
{
	char a[PTY_TITLE_MAX], b[PTY_TEXT_MAX / 4];

	text_printable(a, sizeof(a), title, title_n);
	text_printable(b, sizeof(b), body, body_n);
	if (*a || *b)
		t->ev.notify(t->ev.data, a, b);
}

/* 9;text. With a digit first it is ConEmu's progress and others of its kind. */
static void notify_9(struct terminal *t, const char *arg, size_t n)
{
	if (n >= 2 && arg[0] >= '0' && arg[0] <= '9' &&
	    (arg[1] == ';' || (n >= 3 && arg[2] == ';')))
		return;
	notify(t, "", 0, arg, n);
}

/* 777;notify;title;body */
static void notify_777(struct terminal *t, char *arg, size_t n)
{
	char *title, *body;

	if (!str_starts(arg, "notify;"))
		return;
	title = arg + 7;
	body = memchr(title, ';', n - 7);
	if (body)
		notify(t, title, (size_t)(body - title), body + 1, n - (size_t)(body + 1 - arg));
	else
		notify(t, title, n - 7, "", 0);
}

/* Value of key in "k=v:k=v", NULL if it is not there. */
static const char *meta(const char *s, char key, size_t *n)
{
	while (s) {
		if (s[0] == key && s[1] == '=') {
			*n = strcspn(s + 2, ":");
			return s + 2;
		}
		s = strchr(s, ':');
		s = s ? s + 1 : NULL;
	}
	return NULL;
}

static bool meta_is(const char *s, char key, const char *value)
{
	size_t n;
	const char *v = meta(s, key, &n);

	return v && n == strlen(value) && memcmp(v, value, n) == 0;
}

/* 99;metadata;payload: titles and bodies are notifications of their own; nothing is put together
 * over several commands. */
static void notify_99(struct terminal *t, char *arg, size_t n, bool bel)
{
	char *payload = memchr(arg, ';', n);
	const char *id;
	size_t len, id_n = 0;

	if (!payload)
		return;
	*payload++ = '\0';
	len = n - (size_t)(payload - arg);
	if (meta_is(arg, 'p', "?")) {
		id = meta(arg, 'i', &id_n);
		for (size_t i = 0; i < id_n; i++)
			if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "-_+.",
				    id[i]))
				return;
		if (id_n <= 64)
			vt_reply(t, "\033]99;i=%.*s:p=?;p=title,body%s", (int)id_n, id ? id : "",
				 bel ? "\a" : "\033\\");
		return;
	}
	if (meta_is(arg, 'e', "1")) {
		ssize_t k = base64_decode_in_place(payload, len);

		if (k < 0)
			return;
		len = (size_t)k;
	}
	if (meta_is(arg, 'p', "body"))
		notify(t, "", 0, payload, len);
	else if (!meta(arg, 'p', &id_n) || meta_is(arg, 'p', "title"))
		notify(t, payload, len, "", 0);
}

/* ---- which one ---------------------------------------------------------------- */

static void osc(struct terminal *t, char *s, size_t n, bool bel)
{
	char *end;
	long number = strtol(s, &end, 10);
	char *arg = *end == ';' ? end + 1 : end;
	size_t len = n - (size_t)(arg - s);

	if (end == s || s[0] < '0' || s[0] > '9' || (*end && *end != ';'))
		return;
	switch (number) {
	case 0:
	case 2:
		vt_set_title(t, arg, len);
		break;
	case 4:
	case 10:
	case 11:
	case 12:
		vt_osc_color(t, (int)number, arg, bel);
		break;
	case 104:
	case 110:
	case 111:
	case 112:
		vt_osc_reset_color(t, (int)number, arg);
		break;
	case 8:
		hyperlink(t, arg, len);
		break;
	case 9:
		notify_9(t, arg, len);
		break;
	case 52:
		clipboard(t, arg, len);
		break;
	case 99:
		notify_99(t, arg, len, bel);
		break;
	case 133:
		vt_status_mark(t, arg);
		break;
	case 777:
		notify_777(t, arg, len);
		break;
	case 7501:
		vt_status(t, arg, len, bel);
		break;
	}
}

void vt_string(void *data, enum parser_string kind, char *s, size_t n, bool bel)
{
	if (kind == PARSER_OSC)
		osc(data, s, n, bel);
	else if (kind == PARSER_DCS)
		vt_dcs(data, s, n);
}
