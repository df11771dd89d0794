/* control_parse - members of what a broker sends; nothing of it is trusted to be there. */
#ifndef NONO_SESSIONS_CONTROL_PARSE_H
#define NONO_SESSIONS_CONTROL_PARSE_H

#include "sessions/sessions.h"

/* "" if it has no such text, cut to size. */
void control_str(const cJSON *o, const char *name, char *dst, size_t size);
/* 0 if it has no such number. */
double control_num(const cJSON *o, const char *name);
bool control_flag(const cJSON *o, const char *name);

#endif
