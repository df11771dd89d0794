/* limits - how much a session may use: memory, processes, processors, time. */
#ifndef NONO_POLICY_LIMITS_H
#define NONO_POLICY_LIMITS_H

#include "common/common.h"

struct nono_limits;

/* Limits as they were written ("512M", "200", "1.5", "2h"); NULL = not said, "none" = no limit. */
struct policy_limits {
	char *memory, *max_processes, *cpu, *wall_time;
};

/* Checks what is said and turns it into numbers. The error names the member and what it could be;
 * its class is that of a wrong command line. out may be NULL. */
int limits_parse(const struct policy_limits *in, struct nono_limits *out, struct err *err);
/* "64 MiB", "1.5 processors", "2h 30m": as messages say it. Returns out. */
char *limits_show_memory(uint64_t bytes, char *out, size_t size);
char *limits_show_cpu(uint64_t thousandths, char *out, size_t size);
char *limits_show_time(uint64_t ms, char *out, size_t size);

#endif
