/* Keys that move in a list. */
#include "tui/list.h"

bool list_key(const struct input_event *ev, int page, long *step)
{
	long rows = page > 0 ? page : 1;

	switch (ev->key) {
	case PTY_KEY_UP:
	case 'k':
		*step = -1;
		return true;
	case PTY_KEY_DOWN:
	case 'j':
		*step = 1;
		return true;
	case PTY_KEY_PGUP:
		*step = -rows;
		return true;
	case PTY_KEY_PGDN:
	case ' ':
		*step = rows;
		return true;
	case PTY_KEY_HOME:
	case 'g':
		*step = -LIST_ALL;
		return true;
	case PTY_KEY_END:
	case 'G':
		*step = LIST_ALL;
		return true;
	default:
		return false;
	}
}

size_t list_move(size_t at, long step, size_t n)
{
	long to = (long)at + step, last = (long)n - 1;

	return to < 0 || last < 0 ? 0 : to > last ? (size_t)last : (size_t)to;
}

void list_follow(size_t *first, size_t at, size_t rows, size_t n)
{
	if (*first + rows > n)
		*first = n > rows ? n - rows : 0;
	if (at < n && at < *first)
		*first = at;
	if (at < n && rows && at >= *first + rows)
		*first = at - rows + 1;
}
