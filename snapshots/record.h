/* record - records as JSON text with a digest at its end, and where they lie. */
#ifndef NONO_SNAPSHOTS_RECORD_H
#define NONO_SNAPSHOTS_RECORD_H

#include "snapshots/store.h"

#define RECORD_MAX (64u << 20)

void record_format(struct buf *b, const struct snap_record *r);
int record_parse(const char *text, size_t n, struct snap_record *out, struct err *err);
/* Gives r its number (with a session) and writes it; fails if the name is taken. */
int record_save(struct snap_store *s, const char *session, struct snap_record *r, struct err *err);

#endif
