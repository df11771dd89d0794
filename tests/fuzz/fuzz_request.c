/* The line that a program writes into the request socket. */
#include "elevation/requests.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ struct request_line *line = malloc(sizeof(*line));
	/* An exact copy: the line has no NUL behind it. */
	_cleanup_free_ char *copy = malloc(size ? size : 1);
	const char *why = NULL;

	if (!line || !copy)
		return 0;
	memcpy(copy, data, size);
	if (request_line_parse(copy, size, line, &why) < 0) {
		check(why && *why);
		return 0;
	}
	check(line->path[0] == '/' && strnlen(line->path, sizeof(line->path)) < sizeof(line->path));
	check(strnlen(line->reason, sizeof(line->reason)) < sizeof(line->reason));
	check(line->access == NONO_READ || line->access == NONO_WRITE ||
	      line->access == (NONO_READ | NONO_WRITE));
	return 0;
}
