/* Words for kinds, scopes and accesses; text cut to a size. */
#include "elevation/requests.h"

const char *request_kind_name(enum request_kind k)
{
	static const char *const names[] = {
	    [REQUEST_READ] = "read",	 [REQUEST_WRITE] = "write",
	    [REQUEST_CREATE] = "create", [REQUEST_DELETE] = "delete",
	    [REQUEST_RENAME] = "rename", [REQUEST_EXEC] = "exec",
	    [REQUEST_SOCKET] = "socket", [REQUEST_TOOL] = "tool",
	    [REQUEST_HOST] = "host",	 [REQUEST_ENDPOINT] = "endpoint",
	    [REQUEST_URL] = "url",
	};

	return (size_t)k < ARRAY_LEN(names) ? names[k] : "";
}

static const char *const scope_names[] = {
    [SCOPE_ONCE] = "once",
    [SCOPE_SESSION] = "session",
    [SCOPE_ALWAYS] = "always",
};

const char *request_scope_name(enum request_scope s)
{
	return (size_t)s < ARRAY_LEN(scope_names) ? scope_names[s] : "";
}

int request_scope_parse(const char *s, enum request_scope *out)
{
	for (size_t i = 0; i < ARRAY_LEN(scope_names); i++) {
		if (!str_eq(s, scope_names[i]))
			continue;
		*out = (enum request_scope)i;
		return 0;
	}
	return -1;
}

const char *request_access_name(unsigned access)
{
	static const char *const names[] = {"",	    "read",	 "write",      "readwrite",
					    "exec", "read+exec", "write+exec", "all"};

	return names[access & (NONO_READ | NONO_WRITE | NONO_EXEC)];
}

/* Cuts between characters, so that what was valid UTF-8 stays that. */
void copy_text(char *dst, size_t size, const char *src)
{
	size_t n = strnlen(src, size), back;

	if (n >= size) {
		n = size - 1;
		/* src[n] is the first byte that does not fit: never the middle of a character,
		 * which is at most three bytes back. */
		for (back = 0;
		     back < 3 && back < n && ((unsigned char)src[n - back] & 0xc0) == 0x80;)
			back++;
		if (((unsigned char)src[n - back] & 0xc0) == 0xc0)
			n -= back;
	}
	memcpy(dst, src, n);
	dst[n] = '\0';
}
