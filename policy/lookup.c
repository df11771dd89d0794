/* Open addressing, at most half full. */
#include "policy/lookup.h"

/* Paths are long and hashed some thousand times a start: eight bytes at once. */
uint32_t lookup_hash(const char *s, size_t n)
{
	uint64_t h = n, part;

	for (; n; s += sizeof(part), n -= sizeof(part)) {
		if (n < sizeof(part)) {
			part = 0;
			memcpy(&part, s, n);
			n = sizeof(part);
		} else {
			memcpy(&part, s, sizeof(part));
		}
		h = (h ^ part) * 0x9e3779b97f4a7c15u; /* 2^64 by the golden ratio */
		h ^= h >> 29;
	}
	return (uint32_t)(h ^ (h >> 32));
}

static void put(struct lookup *l, struct lookup_slot slot)
{
	uint32_t i = slot.hash & (l->size - 1);

	while (l->slots[i].number)
		i = (i + 1) & (l->size - 1);
	l->slots[i] = slot;
}

void lookup_add(struct lookup *l, uint32_t hash, uint32_t number)
{
	if (l->used * 2 >= l->size) {
		struct lookup old = *l;

		l->size = old.size ? old.size * 2 : 64;
		l->slots = xcalloc(l->size, sizeof(*l->slots));
		for (uint32_t i = 0; i < old.size; i++)
			if (old.slots[i].number)
				put(l, old.slots[i]);
		free(old.slots);
	}
	put(l, (struct lookup_slot){hash, number + 1});
	l->used++;
}

uint32_t lookup_next(const struct lookup *l, uint32_t hash, uint32_t *at)
{
	for (; *at < l->size; (*at)++) {
		const struct lookup_slot *s = &l->slots[(hash + *at) & (l->size - 1)];

		if (!s->number)
			return LOOKUP_END;
		if (s->hash == hash) {
			(*at)++;
			return s->number - 1;
		}
	}
	return LOOKUP_END;
}

void lookup_free(struct lookup *l)
{
	free(l->slots);
	*l = (struct lookup){0};
}
