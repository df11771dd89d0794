/*
 * disk - every step that changes the store on disk goes through here, so that a test can stop at
 * each: by a kill (the process ends on the spot) or by a full disk (ENOSPC, after half of the
 * bytes).
 */
#ifndef NONO_SNAPSHOTS_DISK_H
#define NONO_SNAPSHOTS_DISK_H

#include "common/common.h"

struct disk_faults {
	_Atomic long left; /* steps until it happens; counts on below zero */
	bool kill;	   /* else ENOSPC from then on */
};
/* faults may be NULL. All: 0, or -1 with errno. */
int disk_pwrite(struct disk_faults *f, int fd, const void *p, size_t n, uint64_t at);
/* n bytes of from become those of to as well, without a copy. Fails (EOPNOTSUPP, EXDEV, EINVAL)
 * where a file system can't, or not with these two, or not at these places. */
int disk_share(struct disk_faults *f, int from, uint64_t from_at, int to, uint64_t to_at, size_t n);
int disk_sync(struct disk_faults *f, int fd);
int disk_rename(struct disk_faults *f, int dir, const char *from,
		const char *to); /* and syncs dir */
int disk_unlink(struct disk_faults *f, int dir, const char *name);
/* Temporary file, written, synced, renamed over name in dir, dir synced. */
int disk_write_file(struct disk_faults *f, int dir, const char *name, const void *p, size_t n);

#endif
