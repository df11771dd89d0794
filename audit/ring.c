#include "audit/ring.h"

#include <sys/mman.h>

int ring_init(struct ring *r, struct err *err)
{
	char *p =
	    mmap(NULL, 2 * RING_HALF, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(r, 0, sizeof(*r));
	if (p == MAP_FAILED)
		return err_errno(err, errno, "can't get memory for the audit log");
	r->half[0] = p;
	r->half[1] = p + RING_HALF;
	pthread_mutex_init(&r->lock, NULL);
	return 0;
}

void ring_destroy(struct ring *r)
{
	munmap(r->half[0], 2 * RING_HALF);
	pthread_mutex_destroy(&r->lock);
}

static uint16_t bounded(const char *s, size_t n, size_t max, uint8_t bit, struct ring_record *rec)
{
	if (!s)
		return 0;
	rec->present |= bit;
	if (n > max) {
		rec->cut = 1;
		n = max;
	}
	return (uint16_t)n;
}

static uint16_t bounded_str(const char *s, size_t max, uint8_t bit, struct ring_record *rec)
{
	return bounded(s, s ? strlen(s) : 0, max, bit, rec);
}

static char *append(char *p, const char *s, size_t n)
{
	if (n)
		memcpy(p, s, n);
	return p + n;
}

/* Room for size bytes in the active half, with the lock held. */
static char *room(struct ring *r, size_t size)
{
	size_t len = r->len[r->active];

	if (RING_HALF - len < size)
		return NULL;
	r->len[r->active] = len + size;
	r->put++;
	return r->half[r->active] + len;
}

static uint32_t record_size(size_t strings)
{
	size_t n = offsetof(struct ring_record, strings) + strings;

	return (uint32_t)((n + 7) & ~(size_t)7);
}

bool ring_put_event(struct ring *r, const struct audit_event *ev, size_t *fill)
{
	struct ring_record rec = {
	    .type = RING_EVENT,
	    .kind = (uint8_t)ev->kind,
	    .decision = (uint8_t)ev->decision,
	    .err = ev->err,
	    .pid = ev->pid,
	    .ppid = ev->ppid,
	    .time_ns = ev->time_ns,
	};
	char *p;

	rec.op = bounded_str(ev->op, RING_WORD_MAX, RING_HAS_OP, &rec);
	rec.target = bounded(ev->target, ev->target_len, RING_TARGET_MAX, RING_HAS_TARGET, &rec);
	rec.target2 =
	    bounded(ev->target2, ev->target2_len, RING_TARGET_MAX, RING_HAS_TARGET2, &rec);
	rec.program = bounded_str(ev->program, RING_PROGRAM_MAX, RING_HAS_PROGRAM, &rec);
	rec.rule = bounded_str(ev->rule, RING_PROGRAM_MAX, RING_HAS_RULE, &rec);
	rec.source = bounded_str(ev->source, RING_WORD_MAX, RING_HAS_SOURCE, &rec);
	rec.size = record_size((size_t)rec.op + rec.target + rec.target2 + rec.program + rec.rule +
			       rec.source);

	pthread_mutex_lock(&r->lock);
	p = room(r, rec.size);
	if (p) {
		memcpy(p, &rec, offsetof(struct ring_record, strings));
		p += offsetof(struct ring_record, strings);
		p = append(p, ev->op, rec.op);
		p = append(p, ev->target, rec.target);
		p = append(p, ev->target2, rec.target2);
		p = append(p, ev->program, rec.program);
		p = append(p, ev->rule, rec.rule);
		append(p, ev->source, rec.source);
	}
	*fill = r->len[r->active];
	pthread_mutex_unlock(&r->lock);
	return p != NULL;
}

bool ring_put_text(struct ring *r, const char *json, size_t n, size_t *fill)
{
	struct ring_record rec = {.type = RING_TEXT, .text = (uint32_t)n};
	char *p;

	rec.size = record_size(n);
	pthread_mutex_lock(&r->lock);
	p = room(r, rec.size);
	if (p) {
		memcpy(p, &rec, offsetof(struct ring_record, strings));
		memcpy(p + offsetof(struct ring_record, strings), json, n);
	}
	*fill = r->len[r->active];
	pthread_mutex_unlock(&r->lock);
	return p != NULL;
}

char *ring_take(struct ring *r, size_t *len, uint64_t *put)
{
	unsigned full;

	pthread_mutex_lock(&r->lock);
	full = r->active;
	*len = r->len[full];
	*put = r->put;
	if (*len) {
		r->active = !full;
		if (*len > r->peak)
			r->peak = *len;
	}
	pthread_mutex_unlock(&r->lock);
	return *len ? r->half[full] : NULL;
}

void ring_release(struct ring *r)
{
	pthread_mutex_lock(&r->lock);
	r->len[!r->active] = 0;
	pthread_mutex_unlock(&r->lock);
}

uint64_t ring_count(struct ring *r)
{
	uint64_t n;

	pthread_mutex_lock(&r->lock);
	n = r->put;
	pthread_mutex_unlock(&r->lock);
	return n;
}

void ring_trim(struct ring *r)
{
	pthread_mutex_lock(&r->lock);
	if (r->peak > 16384 && r->len[0] + r->len[1] == 0) {
		madvise(r->half[0], 2 * RING_HALF, MADV_DONTNEED);
		r->peak = 0;
	}
	pthread_mutex_unlock(&r->lock);
}
