#include "audit/writer.h"

#include "audit/json.h"

void writer_line(struct writer *w)
{
	char prev[HASH_HEX], leaf_hex[HASH_HEX], chain[HASH_HEX];
	struct hash leaf = hash_leaf(w->event.data, w->event.len);
	bool first = w->state.count == 0;

	if (!first)
		hash_hex(prev, &w->state.chain);
	hash_hex(leaf_hex, &leaf);
	buf_reserve(&w->out, 3 * w->event.len + 512);
	buf_adds(&w->out, "{\"sequence\":");
	json_add_u64(&w->out, w->state.count);
	hash_append(&w->state, &leaf);
	hash_hex(chain, &w->state.chain);
	buf_adds(&w->out, first ? ",\"prev_chain\":null" : ",\"prev_chain\":\"");
	if (!first) {
		buf_add(&w->out, prev, HASH_HEX - 1);
		buf_addc(&w->out, '"');
	}
	buf_adds(&w->out, ",\"leaf_hash\":\"");
	buf_add(&w->out, leaf_hex, HASH_HEX - 1);
	buf_adds(&w->out, "\",\"chain_hash\":\"");
	buf_add(&w->out, chain, HASH_HEX - 1);
	buf_adds(&w->out, "\",\"event_json\":");
	json_add_quoted(&w->out, w->event.data, w->event.len);
	buf_adds(&w->out, ",\"event\":");
	buf_add(&w->out, w->event.data, w->event.len);
	buf_add(&w->out, "}\n", 2);
	buf_clear(&w->event);
}

int writer_write(struct writer *w)
{
	size_t done = 0, whole = 0;

	w->err = 0;
	while (done < w->out.len) {
		/* By offset: after a failure the retry overwrites what was torn. */
		ssize_t n =
		    pwrite(w->fd, w->out.data + done, w->out.len - done, (off_t)(w->offset + done));
		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		w->err = n < 0 ? errno : ENOSPC;
		break;
	}
	if (done == w->out.len) {
		w->offset += done;
		buf_clear(&w->out);
		return 0;
	}
	if (done) {
		const char *nl = memrchr(w->out.data, '\n', done);
		whole = nl ? (size_t)(nl - w->out.data) + 1 : 0;
	}
	w->offset += whole;
	buf_consume(&w->out, whole);
	/* Should this fail too, the torn piece stays last in the file until the next write. */
	if (done > whole && ftruncate(w->fd, (off_t)w->offset) < 0)
		return -1;
	return -1;
}

void writer_free(struct writer *w)
{
	buf_free(&w->event);
	buf_free(&w->out);
}
