/* A bounded table of byte strings under small numbers. */
#include "pty/intern.h"

#define HEADS 1024u

void intern_init(struct intern *t, uint32_t max, size_t bytes_max)
{
	*t = (struct intern){.max = max, .high = 1, .bytes_max = bytes_max};
}

void intern_free(struct intern *t)
{
	for (uint32_t i = 1; t->entries && i < t->high; i++)
		free(t->entries[i].text);
	free(t->entries);
	free(t->heads);
	intern_init(t, t->max, t->bytes_max);
}

static uint32_t hash_of(const void *p, size_t n)
{
	const unsigned char *s = p;
	uint32_t h = 2166136261u;

	while (n--)
		h = (h ^ *s++) * 16777619u;
	return h ^ (h >> 15);
}

uint16_t intern_find(const struct intern *t, const void *p, size_t n)
{
	uint32_t h = hash_of(p, n);

	if (!t->heads)
		return 0;
	for (uint16_t i = t->heads[h % HEADS]; i; i = t->entries[i].next) {
		const struct intern_entry *e = &t->entries[i];

		if (e->hash == h && e->len == n && memcmp(e->text, p, n) == 0)
			return i;
	}
	return 0;
}

static bool prepare(struct intern *t)
{
	if (t->entries)
		return true;
	t->entries = calloc(t->max, sizeof(*t->entries));
	t->heads = calloc(HEADS, sizeof(*t->heads));
	if (t->entries && t->heads)
		return true;
	free(STEAL_PTR(t->entries));
	free(STEAL_PTR(t->heads));
	return false;
}

uint16_t intern_add(struct intern *t, const void *p, size_t n, uint64_t gen)
{
	struct intern_entry *e;
	uint16_t i;

	if (!prepare(t) || t->bytes + n > t->bytes_max || (!t->free && t->high >= t->max))
		return 0;
	i = t->free ? t->free : (uint16_t)t->high;
	e = &t->entries[i];
	char *text = malloc(n + 1);
	if (!text)
		return 0;
	if (t->free)
		t->free = e->next;
	else
		t->high++;
	memcpy(text, p, n);
	text[n] = '\0';
	*e = (struct intern_entry){
	    .text = text, .gen = gen, .len = (uint32_t)n, .hash = hash_of(p, n)};
	e->next = t->heads[e->hash % HEADS];
	t->heads[e->hash % HEADS] = i;
	t->used++;
	t->bytes += n;
	t->last_gen = gen;
	return i;
}

void intern_sweep(struct intern *t)
{
	if (!t->heads)
		return;
	memset(t->heads, 0, HEADS * sizeof(*t->heads));
	t->free = 0;
	for (uint32_t i = t->high; i-- > 1;) {
		struct intern_entry *e = &t->entries[i];

		if (e->text && e->marked) {
			e->marked = false;
			e->next = t->heads[e->hash % HEADS];
			t->heads[e->hash % HEADS] = (uint16_t)i;
			continue;
		}
		if (e->text) {
			t->bytes -= e->len;
			t->used--;
		}
		free(e->text);
		*e = (struct intern_entry){.next = t->free};
		t->free = (uint16_t)i;
	}
}
