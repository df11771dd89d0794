/* What is let through to a terminal is the same however the bytes are cut, stays so when filtered
 * again, and holds no escape but CSI. */
#include "pty/pty.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t feed(const void *data, size_t size, size_t piece, char *out)
{
	struct pty_filter f = {0};
	const char *p = data;
	size_t n = 0;

	for (size_t i = 0; i < size; i += piece)
		n += pty_filter(&f, p + i, size - i < piece ? size - i : piece, out + n);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *whole = xcalloc(1, size + PTY_FILTER_MORE);
	_cleanup_free_ char *cut = xcalloc(1, size + PTY_FILTER_MORE);
	_cleanup_free_ char *again = xcalloc(1, size + PTY_FILTER_MORE);
	size_t n = feed(data, size, size ? size : 1, whole), m = feed(data, size, 1, cut);

	if (n != m || memcmp(whole, cut, n) != 0)
		abort();
	if (feed(whole, n, 3, again) != n || memcmp(whole, again, n) != 0)
		abort();
	for (size_t i = 0; i < n; i++)
		if (whole[i] == 0x1b && (i + 1 == n || whole[i + 1] != '['))
			abort();
	return 0;
}
