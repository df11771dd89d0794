/*
 * Reads a git configuration the way git reads it, into a flat list of settings.
 *
 * What readers other than git (libgit2, JGit, editors) might take for something else is refused:
 * NUL and other control characters, a carriage return that ends no line.
 *
 * Source: git-config(1), "Syntax".
 */
#include "common/git_config.h"

#define KEY_MAX	    4096
#define ENTRIES_MAX 16384

struct reader {
	const unsigned char *p, *end;
	bool eof;
	struct git_set *set;
	char section[KEY_MAX]; /* "section." or "section.Sub." */
	size_t section_n;
};

void git_set_free(struct git_set *s)
{
	free(s->text);
	free(s->entries);
	*s = (struct git_set){0};
}

/* The end reads as the end of a line. */
static int get(struct reader *r)
{
	if (r->p >= r->end) {
		r->eof = true;
		return '\n';
	}
	if (*r->p == '\r' && r->p + 1 < r->end && r->p[1] == '\n')
		r->p++;
	return *r->p++;
}

static bool is_space(int c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static bool is_alpha(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_key_char(int c)
{
	return is_alpha(c) || (c >= '0' && c <= '9') || c == '-';
}

static char lower(int c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static int add(char *buf, size_t *n, size_t max, char c)
{
	if (*n + 1 >= max)
		return -1;
	buf[(*n)++] = c;
	return 0;
}

/* After '[section ': "name"] with every character as it is. */
static int read_subsection(struct reader *r, int c)
{
	while (is_space(c)) {
		if (c == '\n')
			return -1;
		c = get(r);
	}
	if (c != '"' || add(r->section, &r->section_n, KEY_MAX, '.') < 0)
		return -1;
	for (;;) {
		c = get(r);
		if (c == '"')
			break;
		if (c == '\\')
			c = get(r);
		if (c == '\n' || add(r->section, &r->section_n, KEY_MAX, (char)c) < 0)
			return -1;
	}
	return get(r) == ']' ? 0 : -1;
}

static int read_section(struct reader *r)
{
	int c;

	r->section_n = 0;
	for (;;) {
		c = get(r);
		if (r->eof)
			return -1;
		if (c == ']')
			break;
		if (is_space(c)) {
			if (read_subsection(r, c) < 0)
				return -1;
			break;
		}
		if ((!is_key_char(c) && c != '.') ||
		    add(r->section, &r->section_n, KEY_MAX, lower(c)) < 0)
			return -1;
	}
	return add(r->section, &r->section_n, KEY_MAX, '.');
}

static int escaped(int c)
{
	switch (c) {
	case 't':
		return '\t';
	case 'b':
		return '\b';
	case 'n':
		return '\n';
	case '\\':
	case '"':
		return c;
	default:
		return -1;
	}
}

/* Up to the end of the line that is not escaped; blanks at both ends go. */
static int read_value(struct reader *r, char *out, size_t max)
{
	bool quoted = false, comment = false;
	size_t n = 0, end = 0; /* end: behind the last character that is not a loose blank */

	for (;;) {
		int c = get(r);

		if (c == '\n') {
			if (quoted)
				return -1;
			out[end] = '\0';
			return 0;
		}
		if (comment)
			continue;
		if (is_space(c) && !quoted) {
			if (end && add(out, &n, max, (char)c) < 0)
				return -1;
			continue;
		}
		if (!quoted && (c == ';' || c == '#')) {
			comment = true;
			continue;
		}
		if (c == '"') {
			quoted = !quoted;
			end = n;
			continue;
		}
		if (c == '\\') {
			c = get(r);
			if (c == '\n' && !r->eof)
				continue;
			c = escaped(c);
			if (c < 0)
				return -1;
		}
		if (add(out, &n, max, (char)c) < 0)
			return -1;
		end = n;
	}
}

static struct git_entry *new_entry(struct git_set *s)
{
	if (s->n >= ENTRIES_MAX)
		return NULL;
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->entries = xrealloc_array(s->entries, s->cap, sizeof(*s->entries));
	}
	s->entries[s->n] = (struct git_entry){0};
	return &s->entries[s->n++];
}

static void reserve(struct git_set *s, size_t more)
{
	if (s->text_size - s->used >= more)
		return;
	s->text_size = s->text_size * 2 + more;
	s->text = xrealloc_array(s->text, s->text_size, 1);
}

static int read_setting(struct reader *r, int c)
{
	struct git_set *s = r->set;
	struct git_entry *entry = new_entry(s);
	/* A value is never longer than what is left of the text. */
	size_t n = 0, left = (size_t)(r->end - r->p) + 2;

	if (!entry || !r->section_n)
		return -1;
	reserve(s, r->section_n + KEY_MAX + left);
	entry->key = (uint32_t)s->used;
	memcpy(s->text + s->used, r->section, r->section_n);
	s->used += r->section_n;
	do {
		if (add(s->text + s->used, &n, KEY_MAX, lower(c)) < 0)
			return -1;
		c = get(r);
	} while (!r->eof && is_key_char(c));
	s->used += n;
	s->text[s->used++] = '\0';
	while (c == ' ' || c == '\t')
		c = get(r);
	if (c == '\n')
		return 0;
	if (c != '=')
		return -1;
	entry->has_value = true;
	entry->value = (uint32_t)s->used;
	if (read_value(r, s->text + s->used, left) < 0)
		return -1;
	s->used += strlen(s->text + s->used) + 1;
	return 0;
}

static int read_all(struct reader *r)
{
	bool comment = false;

	for (;;) {
		int c = get(r);

		if (c == '\n') {
			if (r->eof)
				return 0;
			comment = false;
		} else if (comment || is_space(c)) {
			continue;
		} else if (c == '#' || c == ';') {
			comment = true;
		} else if (c == '[') {
			if (read_section(r) < 0)
				return -1;
		} else if (!is_alpha(c) || read_setting(r, c) < 0) {
			return -1;
		}
	}
}

static bool plain_text(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\r' && i + 1 < n && p[i + 1] == '\n')
			continue;
		if ((p[i] < ' ' && p[i] != '\t' && p[i] != '\n') || p[i] == 0x7f)
			return false;
	}
	return true;
}

int git_parse(const char *text, size_t n, struct git_set *out)
{
	struct reader r = {.set = out};

	*out = (struct git_set){0};
	if (n > GIT_CONFIG_MAX)
		return -1;
	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		n -= 3;
	}
	r.p = (const unsigned char *)text;
	r.end = r.p + n;
	if (!plain_text(r.p, n) || read_all(&r) < 0) {
		git_set_free(out);
		return -1;
	}
	return 0;
}
