/* Heads with keys in them are copied by nghttp2: its memory is wiped before it is given back. */
#include "network/proxy/h2.h"

#include <malloc.h>

static void *get_memory(size_t n, _unused_ void *data)
{
	return malloc(n);
}

static void *get_zeros(size_t n, size_t size, _unused_ void *data)
{
	return calloc(n, size);
}

static void give_back(void *p, _unused_ void *data)
{
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

static void *get_other(void *p, size_t n, void *data)
{
	size_t had = p ? malloc_usable_size(p) : 0;
	void *q = malloc(n);

	if (!q || !p)
		return q;
	memcpy(q, p, had < n ? had : n);
	give_back(p, data);
	return q;
}

nghttp2_mem h2_wiping_memory(void)
{
	return (nghttp2_mem){NULL, get_memory, give_back, get_zeros, get_other};
}
