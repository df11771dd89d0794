/*
 * Paths of requests: one spelling, and globs on it. What servers are known to read in different
 * ways (an escaped slash, a backslash, "..;") is refused where rules are about paths. RFC
 * 3986 6.2.2, 5.2.4.
 */
#include "common/host.h"

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool unreserved(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

/* One letter, escapes of unreserved ones undone: how many bytes went out, -1 = ambiguous. */
static int one(const char **p, const char *end, char out[3])
{
	char c = *(*p)++;
	int v;

	if (c != '%') {
		if (c == '\\' || (unsigned char)c <= ' ' || (unsigned char)c >= 0x7f)
			return -1;
		out[0] = c;
		return 1;
	}
	if (end - *p < 2 || hex((*p)[0]) < 0 || hex((*p)[1]) < 0)
		return -1;
	v = hex((*p)[0]) * 16 + hex((*p)[1]);
	*p += 2;
	if (v == '/' || v == '\\' || v == '%' || v == ';' || v == '?' || v == '#' || v < ' ' ||
	    v == 0x7f)
		return -1;
	if (unreserved(v)) {
		out[0] = (char)v;
		return 1;
	}
	out[0] = '%';
	out[1] = "0123456789ABCDEF"[v / 16];
	out[2] = "0123456789ABCDEF"[v % 16];
	return 3;
}

/* Ends the segment that begins at start; returns the new end, -1 for one that is ambiguous. */
static ssize_t end_segment(char *out, size_t start, size_t n)
{
	const char *s = out + start;
	size_t k = n - start;

	if (k == 1 && s[0] == '.')
		return (ssize_t)start;
	if (k == 2 && s[0] == '.' && s[1] == '.') {
		if (start < 2)
			return 1;
		start--;
		while (start > 0 && out[start - 1] != '/')
			start--;
		return (ssize_t)start;
	}
	/* Path parameters: some servers drop them before they look at the dots. */
	if (s[0] == '.' && memchr(s, ';', k) && strspn(s, ".") == strcspn(s, ";"))
		return -1;
	return (ssize_t)n;
}

int net_path_normal(const char *path, size_t n, char *out, size_t size)
{
	const char *p = path, *end = path + n, *q = memchr(path, '?', n);
	size_t start = 1, len = 1;

	if (q)
		end = q;
	if (size < 2 || !n || *p != '/')
		return -1;
	out[0] = '/';
	for (p++; p < end;) {
		char letter[3];
		int k = one(&p, end, letter);

		if (k < 0 || len + 4 >= size)
			return -1;
		if (letter[0] != '/') {
			memcpy(out + len, letter, (size_t)k);
			len += (size_t)k;
			continue;
		}
		out[len] = '\0';
		ssize_t at = end_segment(out, start, len);
		if (at < 0)
			return -1;
		len = (size_t)at;
		if (len > 0 && out[len - 1] != '/')
			out[len++] = '/';
		start = len;
	}
	out[len] = '\0';
	ssize_t at = end_segment(out, start, len);
	if (at < 0)
		return -1;
	out[at] = '\0';
	return 0;
}

/* Bounded: a star of one segment never looks beyond it, and only the last "**" is tried again. */
bool net_path_matches(const char *glob, const char *path)
{
	const char *g = glob, *p = path;
	const char *star_g = NULL, *star_p = NULL; /* of '*' */
	const char *deep_g = NULL, *deep_p = NULL; /* of "**" */

	for (;;) {
		if (g[0] == '*' && g[1] == '*') {
			g += 2 + (g[2] == '*');
			if (!*g)
				return true;
			deep_g = g;
			deep_p = p;
			star_g = NULL;
			continue;
		}
		if (*g == '*') {
			star_g = ++g;
			star_p = p;
			continue;
		}
		if (*g && *g == *p) {
			g++;
			p++;
			continue;
		}
		if (!*g && !*p)
			return true;
		if (star_g && *star_p && *star_p != '/') {
			g = star_g;
			p = ++star_p;
			continue;
		}
		if (deep_g && *deep_p) {
			g = deep_g;
			p = ++deep_p;
			star_g = NULL;
			continue;
		}
		/* What is for all below a folder is for the folder as well. */
		return !*p && str_eq(g, "/**");
	}
}
