/* Recordings of terminals, over any bytes. */
#include "pty/pty.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_free) struct buf b = {0};
	struct pty_recorded f;
	FILE *in = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;

	while (in && pty_recorded_next(in, &f, &b) == 1)
		if (b.len != f.n || (f.kind == PTY_RECORDED_SIZE &&
				     (f.cols > PTY_COLS_MAX || f.rows > PTY_ROWS_MAX)))
			abort();
	if (in)
		fclose(in);
	return 0;
}
