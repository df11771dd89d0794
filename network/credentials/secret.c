/* Memory for secrets: locked, not dumped, not inherited, between pages that can't be touched. */
#include <sys/mman.h>

#include "network/credentials/credentials.h"

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int secret_reserve(struct secret *s, size_t cap, struct err *err)
{
	size_t page = page_size(), size = (cap / page + 1) * page; /* room for the NUL */
	struct secret grown = {.cap = size - 1, .len = s->len};
	char *map;

	if (s->data && cap <= s->cap)
		return 0;
	if (cap > 4 * SECRET_MAX)
		return err_set(err, "a secret is larger than %d bytes", 4 * SECRET_MAX);
	map = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return err_errno(err, errno, "no memory for a secret");
	if (mprotect(map + page, size, PROT_READ | PROT_WRITE) < 0 || mlock(map + page, size) < 0 ||
	    madvise(map + page, size, MADV_DONTDUMP) < 0 ||
	    madvise(map + page, size, MADV_WIPEONFORK) < 0) {
		int code = errno;

		munmap(map, size + 2 * page);
		return err_errno(err, code,
				 "memory for a secret can't be kept from being swapped or dumped "
				 "(is 'ulimit -l' too small?)");
	}
	grown.data = map + page;
	if (s->data)
		memcpy(grown.data, s->data, s->len + 1);
	secret_free(s);
	*s = grown;
	return 0;
}

void secret_wipe(struct secret *s)
{
	/* All of it: what was there before may have been longer. */
	if (s->data)
		explicit_bzero(s->data, s->cap + 1);
	s->len = 0;
}

void secret_free(struct secret *s)
{
	size_t page = page_size();

	if (s->data) {
		explicit_bzero(s->data, s->cap + 1);
		munmap(s->data - page, s->cap + 1 + 2 * page);
	}
	*s = (struct secret){0};
}

int secret_add(struct secret *s, const char *data, size_t n, struct err *err)
{
	if (n > 4 * SECRET_MAX || secret_reserve(s, s->len + n, err) < 0)
		return n > 4 * SECRET_MAX ? err_set(err, "a secret is too large") : -1;
	memcpy(s->data + s->len, data, n);
	s->len += n;
	s->data[s->len] = '\0';
	return 0;
}

int secret_set(struct secret *s, const char *data, size_t n, struct err *err)
{
	if (s->data)
		explicit_bzero(s->data, s->len);
	s->len = 0;
	return secret_add(s, data, n, err);
}

bool secret_equal(const char *a, size_t a_len, const char *b, size_t b_len)
{
	volatile unsigned char differ = a_len != b_len;

	for (size_t i = 0; i < a_len; i++)
		differ |= (unsigned char)(a[i] ^ (b_len ? b[i < b_len ? i : b_len - 1] : 1));
	return differ == 0;
}
