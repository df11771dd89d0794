/*
 * registry - <state>/sessions/ID.json, one small file a session.
 *
 * Written by the broker alone while it lives, replaced by rename and never fsynced: after a crash
 * of the machine no supervisor lives, and any record is then reconciled to "exited" anyway. Readers
 * reconcile what a killed broker left behind.
 */
#ifndef NONO_SESSIONS_REGISTRY_H
#define NONO_SESSIONS_REGISTRY_H

#include <dirent.h>

#include "common/common.h"
#include "sessions/sessions.h"

char *registry_dir(void); /* <state>/sessions; caller frees */
char *registry_path(const char *id);
int registry_write(const char *id, const cJSON *record, struct err *err);
void registry_remove(const char *id);
/* Parses a record's text, as it comes from disk; out is filled without reconciling. */
int registry_parse(const char *text, size_t n, struct session_record *out);
/* The directory, if it is ours. NULL with err; without one also where there is none yet. */
DIR *registry_open(struct err *err);
/* Adds a reconciled record to out, whose capacity is *cap; nothing where there is none, or where it
 * has ended and not all are wanted. */
void registry_read_one(int dir, const char *name, bool all, struct session_list *out, size_t *cap);

#endif
