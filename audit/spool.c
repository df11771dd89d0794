#include "audit/spool.h"

#include <fcntl.h>
#include <sys/stat.h>

#define SPOOL_MAX 65536u

void spool_free(struct spool *s)
{
	free(s->url);
	free(s->format);
	*s = (struct spool){0};
}

int spool_write(const struct spool *s, int dirfd, struct err *err)
{
	_cleanup_(buf_free) struct buf b = {0};

	buf_adds(&b, "{\"url\":");
	buf_add_json_str(&b, s->url, strlen(s->url));
	json_add_member_str(&b, "format", s->format);
	json_add_member_int(&b, "offset", (int64_t)s->offset);
	json_add_member_int(&b, "sequence", (int64_t)s->sequence);
	buf_adds(&b, s->done ? ",\"done\":true}\n" : ",\"done\":false}\n");
	return store_replace(dirfd, SPOOL_FILE, b.data, b.len, err);
}

static char *text(struct json_span o, const char *key)
{
	_cleanup_(buf_free) struct buf b = {0};
	struct json_span v;

	buf_adds(&b, "");
	if (!json_get(o, key, &v) || json_string_buf(v, &b) < 0)
		return NULL;
	return xstrdup(b.data);
}

int spool_read(struct spool *s, int dirfd, struct err *err)
{
	_cleanup_(buf_free) struct buf b = {0};
	struct json_span o, v;
	struct stat st;

	*s = (struct spool){0};
	if (fstatat(dirfd, SPOOL_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
		return 0;
	if (store_read(dirfd, SPOOL_FILE, SPOOL_MAX, &b, err) < 0)
		return -1;
	o = (struct json_span){b.data, json_value_len(b.data, b.len)};
	if (o.n && json_get(o, "offset", &v) && json_u64(v, &s->offset) == 0 &&
	    json_get(o, "sequence", &v) && json_u64(v, &s->sequence) == 0 &&
	    json_get(o, "done", &v)) {
		s->done = v.p[0] == 't';
		s->url = text(o, "url");
		s->format = text(o, "format");
	}
	if (s->url)
		return 1;
	spool_free(s);
	return err_set(err, SPOOL_FILE " is damaged");
}
