#include "pty/recording.h"

#include <sys/uio.h>

/* What a full disk or the limit cuts off is the end: the terminal goes on. */
static void put(struct recorder *r, enum pty_frame_kind kind, const void *p, size_t n)
{
	struct pty_recorded f = {.time_ns = clock_real_ns(), .kind = kind, .n = (uint32_t)n};
	struct iovec v[2] = {{&f, sizeof(f)}, {(void *)(uintptr_t)p, n}};

	if (r->fd < 0)
		return;
	if (sizeof(f) + n > r->left || writev(r->fd, v, 2) != (ssize_t)(sizeof(f) + n)) {
		recorder_stop(r);
		return;
	}
	r->left -= sizeof(f) + n;
}

void recorder_start(struct recorder *r, int fd, int cols, int rows)
{
	recorder_stop(r);
	*r = (struct recorder){.fd = fd, .left = RECORDING_BYTES_MAX};
	recorder_size(r, cols, rows);
}

void recorder_stop(struct recorder *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

void recorder_output(struct recorder *r, const void *p, size_t n)
{
	put(r, PTY_RECORDED_OUTPUT, p, n);
}

void recorder_size(struct recorder *r, int cols, int rows)
{
	uint16_t size[2] = {(uint16_t)cols, (uint16_t)rows};

	put(r, PTY_RECORDED_SIZE, size, sizeof(size));
}

int pty_recorded_next(FILE *in, struct pty_recorded *f, struct buf *data)
{
	buf_clear(data);
	if (fread(f, 1, sizeof(*f), in) != sizeof(*f))
		return 0;
	if (f->n > PTY_RECORDED_MAX || (f->kind == PTY_RECORDED_SIZE) != (f->n == 4) ||
	    (f->kind != PTY_RECORDED_SIZE && f->kind != PTY_RECORDED_OUTPUT))
		return -1;
	buf_reserve(data, f->n + 1);
	if (fread(data->data, 1, f->n, in) != f->n)
		return 0;
	data->len = f->n;
	if (f->kind == PTY_RECORDED_SIZE) {
		uint16_t size[2];
		memcpy(size, data->data, sizeof(size));
		f->cols = size[0] < PTY_COLS_MAX ? size[0] : PTY_COLS_MAX;
		f->rows = size[1] < PTY_ROWS_MAX ? size[1] : PTY_ROWS_MAX;
		if (!f->cols || !f->rows)
			return -1;
	}
	return 1;
}
