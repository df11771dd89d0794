/*
 * The event log reader, the verifier, the event parser and the record reader over any bytes: first
 * as a log (a line each), then each as a single text.
 */
#include <sys/mman.h>

#include "audit/audit.h"
#include "audit/lines.h"
#include "audit/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void read_lines(int fd)
{
	struct lines l;
	struct log_line line;
	struct audit_record *rec = xcalloc(1, sizeof(*rec));
	char *text;
	size_t n;

	lines_init(&l, fd, 0);
	while (lines_next(&l, &text, &n) == 1) {
		if (log_line_parse(&line, text, n) < 0)
			continue;
		check(line.event.p >= text && line.event.p + line.event.n < text + n);
		audit_parse(line.event.p, line.event.n, rec);
		check(strnlen(rec->target, sizeof(rec->target)) < sizeof(rec->target));
	}
	lines_free(&l);
	free(rec);
}

static void read_single(const char *text, size_t n)
{
	struct audit_record *rec = xcalloc(1, sizeof(*rec));
	struct session_meta m, again;
	_cleanup_(buf_free) struct buf written = {0};

	audit_parse(text, n, rec);
	free(rec);
	if (meta_parse(&m, text, n) == 0) {
		/* What was understood is written so that it is understood alike. */
		struct hash a = meta_digest(&m), b;
		meta_to_json(&m, &written);
		check(meta_parse(&again, written.data, written.len) == 0);
		b = meta_digest(&again);
		check(hash_equal(&a, &b));
		meta_free(&again);
	}
	meta_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct log_check c;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	check(fd >= 0 && write_full(fd, data, size) == 0);
	check(log_verify(fd, &c, NULL) == 0);
	check(c.end <= size);
	read_lines(fd);
	close(fd);
	read_single((const char *)data, size);
	return 0;
}
