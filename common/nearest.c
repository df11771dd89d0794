/* Which word somebody meant. */
#include "common/common.h"

#define WORD_MAX 64

size_t word_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), d[3][WORD_MAX + 1];

	if (n > WORD_MAX || m > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *row = d[i % 3], *last = d[(i + 2) % 3], *before = d[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
	}
	return d[n % 3][m];
}

const char *word_nearest(const char *word, const char *const *words)
{
	size_t limit = strlen(word) < 5 ? 1 : strlen(word) < 8 ? 2 : 3, best = limit + 1;
	const char *near = NULL;

	for (; *words; words++) {
		size_t n = word_distance(word, *words);

		if (n >= best)
			continue;
		best = n;
		near = *words;
	}
	return near;
}
