/* What a program writes into the request socket: one line of JSON, trusted in nothing. */
#include <cjson/cJSON.h>

#include "elevation/requests.h"

static const char *str_of(const cJSON *o, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));
}

static int access_of(const char *s, unsigned *out)
{
	static const unsigned accesses[] = {NONO_READ, NONO_WRITE, NONO_READ | NONO_WRITE};

	for (size_t i = 0; s && i < ARRAY_LEN(accesses); i++) {
		if (!str_eq(s, request_access_name(accesses[i])))
			continue;
		*out = accesses[i];
		return 0;
	}
	return -1;
}

static const char *fill(const cJSON *o, struct request_line *out)
{
	const char *path = str_of(o, "path"), *reason = str_of(o, "reason");

	if (!cJSON_IsObject(o))
		return "a request is one line with a JSON object";
	if (access_of(str_of(o, "access"), &out->access) < 0)
		return "access must be read, write or readwrite";
	if (!path || path[0] != '/')
		return "an absolute path is needed";
	if (!str_copy(out->path, sizeof(out->path), path))
		return "the path is too long";
	copy_text(out->reason, sizeof(out->reason), reason ? reason : "");
	return NULL;
}

int request_line_parse(const char *line, size_t n, struct request_line *out, const char **why)
{
	cJSON *o;

	*out = (struct request_line){0};
	/* A NUL would end the path for us earlier than for who reads the line. */
	if (n > REQUEST_LINE_MAX || memchr(line, '\0', n) || memmem(line, n, "\\u0000", 6)) {
		*why = "a request is one line with a JSON object";
		return -1;
	}
	o = cJSON_ParseWithLength(line, n);
	*why = fill(o, out);
	cJSON_Delete(o);
	return *why ? -1 : 0;
}
