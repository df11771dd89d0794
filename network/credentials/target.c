/* Parts of a request's target that hold a credential. */
#include "network/credentials/proxy.h"

bool target_query(const char *target, size_t n, const char *name, struct target_part *out)
{
	const char *question = memchr(target, '?', n);
	size_t len = strlen(name), at = question ? (size_t)(question - target) + 1 : n;

	while (at < n) {
		const char *and = memchr(target + at, '&', n - at);
		size_t end = and? (size_t)(and-target) : n;

		if (end - at > len && !memcmp(target + at, name, len) && target[at + len] == '=') {
			bool last = end == n;

			/* "?a=1&key=x" loses "&key=x", "?key=x&a=1" loses "key=x&". */
			*out = (struct target_part){.start = at + len + 1,
						    .end = end,
						    .whole = last ? at - 1 : at,
						    .whole_end = last ? end : end + 1};
			return true;
		}
		at = end + 1;
	}
	return false;
}

static size_t path_length(const char *target, size_t n)
{
	const char *question = memchr(target, '?', n);

	return question ? (size_t)(question - target) : n;
}

bool target_pattern(const char *target, size_t n, const char *pattern, struct target_part *out)
{
	const char *hole = strstr(pattern, "{}");
	size_t before = hole ? (size_t)(hole - pattern) : strlen(pattern);
	const char *behind = hole ? hole + 2 : "";
	size_t after = strlen(behind), path = path_length(target, n);

	for (size_t at = 0; at + before + after <= path; at++) {
		size_t end = at + before;

		if (memcmp(target + at, pattern, before) != 0)
			continue;
		while (hole && end < path && target[end] != '/' &&
		       !(after && *behind != '/' && path - end >= after &&
			 !memcmp(target + end, behind, after)))
			end++;
		if (path - end < after || memcmp(target + end, behind, after) != 0)
			continue;
		*out = (struct target_part){
		    .start = at + before, .end = end, .whole = at, .whole_end = end + after};
		return true;
	}
	return false;
}

int target_escape(struct secret *out, const char *s, size_t n, struct err *err)
{
	if (secret_reserve(out, out->len + 3 * n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' || c == '~';

		out->len += (size_t)snprintf(out->data + out->len, out->cap + 1 - out->len,
					     plain ? "%c" : "%%%02X", c);
	}
	return 0;
}

int target_unescape(struct secret *out, const char *s, size_t n, struct err *err)
{
	if (secret_reserve(out, out->len + n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		char c = s[i] == '+' ? ' ' : s[i];

		if (c == '%' && i + 2 < n && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
			c = (char)(hex_digit(s[i + 1]) * 16 + hex_digit(s[i + 2]));
			i += 2;
		}
		if (!c)
			return err_set(err, "a value holds a NUL byte");
		out->data[out->len++] = c;
	}
	out->data[out->len] = '\0';
	return 0;
}
