/*
 * Files that wait for their places. Each must be on the disk before it replaces another one, or
 * both could be lost; to wait for the disk once for many of them costs little more than for one.
 */
#include "snapshots/restore_steps.h"

static bool one_file_system(const struct restore *x)
{
	struct stat first, st;

	if (fstat(x->waiting[0].fd, &first) < 0)
		return false;
	for (size_t i = 1; i < x->n_waiting; i++)
		if (fstat(x->waiting[i].fd, &st) < 0 || st.st_dev != first.st_dev)
			return false;
	return true;
}

void restore_wait(struct restore *x, struct step *t, struct place *p, int fd, const char *temp)
{
	struct waiting *w = &x->waiting[x->n_waiting++];

	*w = (struct waiting){.step = t, .place = *p, .fd = fd};
	str_copy(w->temp, sizeof(w->temp), temp);
	x->waiting_bytes += t->after.size;
	if (x->n_waiting == RESTORE_WAITING_MAX || x->waiting_bytes >= RESTORE_WAITING_BYTES)
		restore_flush(x);
}

#define TOGETHER 16 /* from so many files on the whole file system is asked once */

/* false with errs: that file may not be on the disk. */
static void sync_all(struct restore *x, bool synced[], struct err errs[])
{
	/* Says of errors of any file; each then tells its own. */
	bool all = x->n_waiting >= TOGETHER && one_file_system(x) && syncfs(x->waiting[0].fd) == 0;

	for (size_t i = 0; i < x->n_waiting; i++) {
		synced[i] = all || fsync(x->waiting[i].fd) == 0;
		if (!synced[i])
			err_errno(&errs[i], errno, "can't write %s", x->waiting[i].place.name);
	}
}

/* What is there may have been changed while it waited. */
static int take_place(struct waiting *w, struct err *err)
{
	static const struct snap_entry none;
	const struct snap_entry *before = w->step->gone ? &none : &w->step->before;
	struct stat st;

	if (place_check(&w->place, before, &st, err) < 0)
		return -1;
	return place_put(&w->place, -1, w->temp, before->kind != SNAP_NONE, err);
}

void restore_flush(struct restore *x)
{
	struct err errs[RESTORE_WAITING_MAX];
	bool synced[RESTORE_WAITING_MAX];

	sync_all(x, synced, errs);
	for (size_t i = 0; i < x->n_waiting; i++) {
		struct waiting *w = &x->waiting[i];
		bool done = synced[i] && take_place(w, &errs[i]) == 0;

		if (!done)
			unlinkat(w->place.dir, w->temp, 0);
		w->step->placed = done;
		x->out->bytes += done ? w->step->after.size : 0;
		restore_report(x, w->step, done ? NULL : &errs[i]);
		close(w->fd);
		place_end(&w->place);
	}
	x->n_waiting = 0;
	x->waiting_bytes = 0;
}
