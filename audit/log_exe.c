#include "audit/log_exe.h"

#include <fcntl.h>
#include <sys/stat.h>

#define PIECE 131072u

void exe_hash_start(struct exe_hash *x, const char *path)
{
	struct stat st;

	memset(x, 0, sizeof(*x));
	x->fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
	if (x->fd >= 0 && (fstat(x->fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		close(x->fd);
		x->fd = -1;
	}
	SHA256_Init(&x->ctx);
}

static void end(struct exe_hash *x)
{
	close(x->fd);
	x->fd = -1;
	free(x->piece);
	x->piece = NULL;
}

bool exe_hash_step(struct exe_hash *x)
{
	struct hash h;
	ssize_t n;

	if (x->fd < 0)
		return false;
	if (!x->piece)
		x->piece = xcalloc(1, PIECE);
	do
		n = pread(x->fd, x->piece, PIECE, (off_t)x->offset);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		SHA256_Update(&x->ctx, x->piece, (size_t)n);
		x->offset += (uint64_t)n;
		return true;
	}
	if (n == 0) {
		SHA256_Final(h.b, &x->ctx);
		hash_hex(x->hex, &h);
	}
	end(x);
	return false;
}

void exe_hash_finish(struct exe_hash *x, char out[HASH_HEX])
{
	while (exe_hash_step(x))
		;
	str_copy(out, HASH_HEX, x->hex);
}

void exe_hash_free(struct exe_hash *x)
{
	if (x->fd >= 0)
		end(x);
	free(x->piece);
}
