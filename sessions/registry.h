/*
 * registry - <state>/sessions/ID.json, one small file a session.
 *
 * Written by the broker alone while it lives, replaced by rename and never fsynced: after a crash
 * of the machine no supervisor lives, and any record is then reconciled to "exited" anyway. Readers
 * reconcile what a killed broker left behind.
 */
#ifndef NONO_SESSIONS_REGISTRY_H
#define NONO_SESSIONS_REGISTRY_H

#include "common/common.h"
#include "sessions/sessions.h"

char *registry_dir(void); /* <state>/sessions; caller frees */
char *registry_path(const char *id);
int registry_write(const char *id, const cJSON *record, struct err *err);
void registry_remove(const char *id);
/* Parses a record's text, as it comes from disk; out is filled without reconciling. */
int registry_parse(const char *text, size_t n, struct session_record *out);

#endif
