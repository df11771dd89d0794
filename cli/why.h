/* why - what the parts of nono why share: the question, and how an answer is made and printed. */
#ifndef NONO_CLI_WHY_H
#define NONO_CLI_WHY_H

#include "cli/run_options.h"

struct why_options {
	struct run_options run; /* the context; first, its table is shared */
	const char *path, *host, *command, *caller;
	long port;
	int op;	   /* enum */
	int scope; /* 0: not asked */
	bool self, json;
};

/* status and reason (NULL: none) are those of the reference. */
cJSON *answer_new(const char *status, const char *reason);
/* Nothing for an empty text. */
void answer_text(cJSON *answer, const char *member, const char *s);
/* As JSON or in words; the answer is freed. Exit code. */
int answer_print(const struct why_options *o, cJSON *answer);

int why_host(const struct why_options *o, const struct policy *p, struct err *err);

#endif
