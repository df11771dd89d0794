/* asciicast v2: a header, then a line an event; what the session did stands in it as markers. */
#include "cli/replay.h"

static void line(struct replay *r, uint64_t time_ns, char kind, const char *s, size_t n)
{
	_cleanup_(buf_free) struct buf b = {0};
	uint64_t t = time_ns > r->begin_ns ? time_ns - r->begin_ns : 0;

	buf_addf(&b, "[%llu.%06llu, \"%c\", ", (unsigned long long)(t / 1000000000u),
		 (unsigned long long)(t % 1000000000u / 1000), kind);
	buf_add_json_str(&b, s, n);
	buf_adds(&b, "]\n");
	fwrite(b.data, 1, b.len, stdout);
}

/* Bytes at the end that are the start of a character. */
static size_t unfinished(const char *s, size_t n)
{
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		unsigned char c = (unsigned char)s[n - back];
		size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
		if ((c & 0xc0) != 0x80)
			return need > back ? back : 0;
	}
	return 0;
}

static void markers(struct replay *r, uint64_t until)
{
	char text[800];

	for (; replay_event_due(r, until); replay_next_event(r)) {
		replay_event_text(r, text, sizeof(text));
		line(r, audit_time_ns(r->rec->time), 'm', text, strlen(text));
	}
}

void replay_cast(struct replay *r)
{
	_cleanup_(buf_free) struct buf out = {0};
	char size[32];

	printf("{\"version\": 2, \"width\": %u, \"height\": %u, \"timestamp\": %llu}\n",
	       r->frame.cols, r->frame.rows, (unsigned long long)(r->begin_ns / 1000000000u));
	while (replay_next_frame(r)) {
		markers(r, r->frame.time_ns);
		if (r->frame.kind == PTY_RECORDED_SIZE) {
			snprintf(size, sizeof(size), "%ux%u", r->frame.cols, r->frame.rows);
			line(r, r->frame.time_ns, 'r', size, strlen(size));
			continue;
		}
		buf_add(&out, r->data.data, r->data.len);
		size_t n = out.len - unfinished(out.data, out.len);
		line(r, r->frame.time_ns, 'o', out.data, n);
		buf_consume(&out, n);
	}
	markers(r, UINT64_MAX);
}
