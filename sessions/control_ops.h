/*
 * control_ops - the broker's side of the control protocol, operation by operation. Arguments are
 * bounded and checked here; an operation returns its answer, or NULL with err.
 */
#ifndef NONO_SESSIONS_CONTROL_OPS_H
#define NONO_SESSIONS_CONTROL_OPS_H

#include "sessions/broker.h"

/* ---- control_args.c ---- */

const char *control_str_arg(const cJSON *args, const char *name);
bool control_bool_arg(const cJSON *args, const char *name);
int control_int_arg(const cJSON *args, const char *name, int other, int min, int max);
cJSON *control_done(int r);
/* Text from the agent's side: shown to people, so made printable. */
void control_add_text(cJSON *o, const char *name, const char *s);
void control_add_time(cJSON *o, const char *name, uint64_t ns);
const char *control_access_name(unsigned access);
int control_access_parse(const char *s, unsigned *out, struct err *err);
/* Paths from clients: absolute, without tricks, of bounded length. */
int control_path_arg(const cJSON *args, char out[POLICY_PATH_MAX], struct err *err);

/* ---- control_requests.c ---- */

cJSON *op_requests(struct broker *b);
cJSON *op_answer(struct broker *b, const struct control_peer *peer, const cJSON *args,
		 struct err *err);
cJSON *op_preview(struct broker *b, const cJSON *args, struct err *err);

#endif
