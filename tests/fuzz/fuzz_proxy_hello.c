/*
 * The reader of ClientHellos: what it says of a whole must be what it says of the same bytes
 * followed by more, and nothing but MORE of a shorter piece may turn into something else.
 */
#include "network/tls/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tls_hello whole, piece;
	enum tls_hello_kind kind = tls_hello_read(data, size, &whole), part;
	uint8_t *copy;

	if (kind == TLS_HELLO_IS && strlen(whole.name) && !whole.has_name)
		abort();
	/* An own allocation, so that reading past the end is seen. */
	for (size_t n = 0; n < size && n < 64; n++) {
		copy = malloc(n ? n : 1);
		if (!copy)
			return 0;
		memcpy(copy, data, n);
		part = tls_hello_read(copy, n, &piece);
		free(copy);
		if (part != TLS_HELLO_MORE && part != kind)
			abort();
	}
	return 0;
}
